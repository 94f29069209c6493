/** The public names of Formgate's core. */
export { createBodyParser, type BodyParser } from './create-body-parser.js'
export type { BodyResult } from './parse-body.js'
export type { MountOptions, RouteOptions } from './options.js'
export { bytes, stream, type RawBytes, type RawStream } from './raw-body.js'
export {
  ParameterCannotUseDefaultError,
  type BodyData,
  type BodyOptions,
  type BodyType,
  type FormOptions,
} from './body-options.js'
export { accept, type Accepted } from './validation/accept.js'
export { sniff } from './validation/sniff.js'
export type { FileCheck } from './validation/file-check.js'
export type { Coerce } from './validation/form-value.js'
export {
  openapi,
  type OpenApiOptions,
  type RequestBody,
  type RequestContent,
  type ToJSONSchema,
} from './validation/openapi.js'
export type { Out } from './validation/out.js'
export type { Schema } from './validation/schema.js'

export { BodyError, type BodyErrorOptions, type ErrorCode, type FieldIssue } from './errors.js'
export type { FrameworkRequest } from './framework-request.js'
export type { Progress, ProgressListener } from './progress.js'
export { toProblem, type Problem } from './problem.js'
export { defaultLimits, type Limits } from './limits.js'

export {
  BaseParser,
  type FileRule,
  type FileRules,
  type ParserContext,
  type ParserLike,
  type PartParser,
  type RouteParams,
  type SizeLimit,
} from './parsers/base-parser.js'
export { JSONParser, type JSONParserOptions } from './parsers/json-parser.js'
export { FormParser, type FormParserOptions } from './parsers/form-parser.js'
export { MultiPartParser, type MultiPartParserOptions } from './parsers/multipart/multipart-parser.js'
export type { FieldPart, FilePart, Part } from './parsers/multipart/part.js'
export { FileUploadParser, type FileUploadParserOptions } from './parsers/file-upload-parser.js'
export { PlainTextParser } from './parsers/plain-text-parser.js'
export { DataAndFiles } from './data-and-files.js'
export type { Entry, FileEntry, FilesByField, ParsedEntry, TextEntry } from './entries.js'
export { ContentType, type MediaType, type MediaTypeParameter } from './media-type.js'

export { UploadedFile } from './files/uploaded-file.js'
export type { ByteRange, FileInfo, Storage, StoredFile } from './files/storage.js'
export type { FileInspection, Inspector } from './files/inspection.js'
export type { FileFindings } from './files/uploaded-file.js'
export { hash } from './files/hash.js'
export { spool, type SpoolOptions } from './files/spool.js'
export { memory } from './files/memory.js'
export { disk, type DiskOptions } from './files/disk.js'
