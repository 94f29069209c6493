/** The public names of Formgate's core. */
export { createBodyParser, type BodyParser } from './create-body-parser.js'
export type { BodyResult } from './parse-body.js'
export type { MountOptions, RouteOptions } from './options/options.js'
export { bytes, stream, type RawBytes, type RawStream } from './options/raw-body.js'
export {
  ParameterCannotUseDefaultError,
  type BodyData,
  type BodyOptions,
  type BodyType,
  type FormOptions,
} from './options/body-options.js'
export { accept, type Accepted, type FileCheck } from './checks/accept.js'
export { sniff } from './checks/sniff.js'
export type { Coerce } from './coercion/coerce-form.js'
export {
  openapi,
  type OpenApiOptions,
  type RequestBody,
  type RequestContent,
  type ToJSONSchema,
} from './schema/openapi.js'
export type { Out } from './schema/schema-output.js'
export type { Schema } from './schema/schema.js'

export type { BodyEvent, FileEvent } from './events.js'
export { BodyError, type BodyErrorOptions, type ErrorCode, type FieldIssue } from './errors.js'
export type { ErrorListener, FrameworkRequest, Progress, ProgressListener } from './http/progress.js'
export { toProblem, type Problem } from './http/problem.js'
export { defaultLimits, type Limits, type LimitsOption } from './limits.js'

export {
  BaseParser,
  type ParserContext,
  type ParserLike,
  type PartParser,
  type RouteParams,
  type SizeLimit,
} from './parsers/base-parser.js'
export type { FileRule, FileRules } from './parsers/form-limits.js'
export { JSONParser, type JSONParserOptions } from './parsers/json-parser.js'
export { FormParser, type FormParserOptions } from './parsers/form-parser.js'
export { MultiPartParser, type MultiPartParserOptions } from './parsers/multipart/multipart-parser.js'
export type { FieldPart, FilePart, Part } from './parsers/multipart/part-iterator.js'
export { FileUploadParser, type FileUploadParserOptions } from './parsers/file-upload-parser.js'
export { PlainTextParser, type PlainTextParserOptions } from './parsers/plain-text-parser.js'
export {
  DataAndFiles,
  type Entry,
  type FileEntry,
  type FilesByField,
  type ParsedEntry,
  type TextEntry,
} from './parsers/data-and-files.js'
export { ContentType, type MediaType, type MediaTypeParameter } from './http/media-type.js'

export { safeFileName } from './storages/safe-name.js'
export type { ByteRange, FileDescription, FileInfo, Storage, StoredFile } from './storages/storage.js'
export { hash, type FileFilter, type FileInspection, type Inspector } from './files/inspection.js'
export { UploadedFile, type FileFindings, type FileResults } from './files/uploaded-file.js'
export { spool, type SpoolOptions } from './storages/spool.js'
export { memory } from './storages/memory.js'
export { disk, type DiskOptions } from './storages/disk.js'
