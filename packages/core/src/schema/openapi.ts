/** The request body of a route, as OpenAPI describes it. */

import { ContentType } from '../http/media-type.js'
import { fileTerms } from './file-rules.js'
import { type Node, partsOf, reachable } from './form-node.js'
import { isZodSchema, nodeOf, withEnd, type ZodSchema, zodType } from './read-zod.js'
import { fieldsOf, mayBeAbsent } from './schema-fields.js'
import type { Schema } from './schema.js'

/** Options of `openapi()`. */
export interface OpenApiOptions {
  readonly version: '3.0' | '3.1'
  /** `z.toJSONSchema`. Required for zod 4.1 and zod/mini: only schemas of zod 4.2 and newer have it as a method. */
  readonly toJSONSchema?: ToJSONSchema
  /**
   * Media types that the route accepts. Default: `multipart/form-data`, and for a schema without files also
   * `application/x-www-form-urlencoded`.
   */
  readonly contentType?: string | readonly string[]
}

/** `z.toJSONSchema()` of any version. */
export type ToJSONSchema = (schema: never, parameters: never) => object

/** The Request Body Object of the OpenAPI Specification. */
export interface RequestBody {
  required: boolean
  content: Record<string, RequestContent>
}

/** The description of one media type of a body. */
export interface RequestContent {
  schema: JsonSchema
  /** The media types of the files, where the schema limits them. */
  encoding?: Record<string, { contentType: string }>
}

/**
 * Describes the body of a route with `form(schema)`:
 *
 * ```ts
 * { requestBody: openapi(User, { version: '3.1' }) }
 * ```
 *
 * A file is `{ type: 'string', format: 'binary' }` in 3.0 and has no type in 3.1, as the versions require; its media
 * types are in `encoding`. Checkboxes and lists are not required, since a form may omit them. A schema that contains
 * itself is cut where it begins again, and one whose getters return a new schema each time after its first levels.
 *
 * @param schema of zod 4
 * @throws TypeError if the schema is not of zod 4, or if it has no `toJSONSchema` and none is given
 */
export function openapi(schema: Schema | ZodSchema, options: OpenApiOptions): RequestBody {
  if (!isZodSchema(schema)) throw new TypeError('openapi() takes a schema of zod 4.')
  const contentTypes = contentTypesOf(schema, options)
  const content: Record<string, RequestContent> = {}
  for (const contentType of contentTypes) {
    const isForm = contentType === ContentType.MultipartFormData || contentType === ContentType.FormUrlEncoded
    const described: RequestContent = { schema: describe(schema, options, isForm) }
    const encoding = contentType === ContentType.MultipartFormData ? encodingOf(schema) : {}
    if (Object.keys(encoding).length > 0) described.encoding = encoding
    content[contentType] = described
  }
  return { required: !nodeOf(schema).optional, content }
}

function contentTypesOf(schema: ZodSchema, { contentType }: OpenApiOptions): readonly string[] {
  if (contentType !== undefined) return [contentType].flat() as readonly string[]
  const hasFiles = [...reachable([nodeOf(schema)], partsOf)].some(({ kind }) => kind === 'file')
  return hasFiles
    ? [ContentType.MultipartFormData]
    : [ContentType.MultipartFormData, ContentType.FormUrlEncoded]
}

function describe(schema: ZodSchema, { version, toJSONSchema }: OpenApiOptions, isForm: boolean): JsonSchema {
  const parameters = {
    target: version === '3.0' ? 'openapi-3.0' : 'draft-2020-12',
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }: { zodSchema: ZodSchema; jsonSchema: JsonSchema }) =>
      override(zodSchema, jsonSchema, version, isForm),
  }
  const own = schema as { toJSONSchema?: (given: typeof parameters) => object }
  const generate = (): object => {
    if (toJSONSchema !== undefined) return toJSONSchema(schema as never, parameters as never)
    if (typeof own.toJSONSchema === 'function') return own.toJSONSchema(parameters)
    throw new TypeError(
      'This schema cannot describe itself. Call openapi(schema, { toJSONSchema: z.toJSONSchema, … }).',
    )
  }
  const document = withEnd(schema, generate) as JsonSchema
  return inline(document, document) as JsonSchema
}

/** Describes what zod cannot express in JSON Schema, or expresses in a way that OpenAPI does not allow. */
function override(schema: ZodSchema, json: JsonSchema, version: '3.0' | '3.1', isForm: boolean): void {
  switch (zodType(schema)) {
    case 'file':
      for (const key of fileKeys) Reflect.deleteProperty(json, key)
      if (version === '3.0') Object.assign(json, { type: 'string', format: 'binary' })
      else json['contentMediaType'] = 'application/octet-stream'
      break
    case 'number':
      // Every z.int() has these, and Swagger UI would fill them in.
      if (json['maximum'] === Number.MAX_SAFE_INTEGER) Reflect.deleteProperty(json, 'maximum')
      if (json['minimum'] === Number.MIN_SAFE_INTEGER) Reflect.deleteProperty(json, 'minimum')
      break
    case 'date':
      Object.assign(json, { type: 'string', format: 'date-time' })
      break
    case 'bigint':
      Object.assign(json, { type: 'integer', format: 'int64' })
      break
    case 'set':
      Object.assign(json, { type: 'array', items: {}, uniqueItems: true })
      break
    case 'map':
      Object.assign(json, { type: 'object' })
      break
    case 'object':
    case 'record':
      if (isForm) dropAbsentKeys(json, fieldsOf(nodeOf(schema)))
      break
    default:
  }
}

// In JSON Schema sizes are lengths of text, and OpenAPI 3.0 has no content types.
const fileKeys = ['type', 'format', 'contentEncoding', 'contentMediaType', 'minLength', 'maxLength', 'anyOf']

function dropAbsentKeys(json: JsonSchema, fields: ReadonlyMap<string, Node>): void {
  const { required } = json
  if (!Array.isArray(required)) return
  const kept = required.filter((key: string) => !mayBeAbsent(fields.get(key)!))
  if (kept.length > 0) json['required'] = kept
  else Reflect.deleteProperty(json, 'required')
}

function encodingOf(schema: ZodSchema): Record<string, { contentType: string }> {
  const encoding: Record<string, { contentType: string }> = {}
  for (const [name, field] of fieldsOf(nodeOf(schema))) {
    const { kind, types = [] } = fileTerms(field)
    // File extensions are not media types.
    const contentType = types.filter((type) => !type.startsWith('.')).join(', ')
    if (kind !== 'value' && contentType !== '') encoding[name] = { contentType }
  }
  return encoding
}

type JsonSchema = Record<string, unknown>

// Keys that have a meaning only at the root of a document.
const rootKeys = new Set(['$schema', '$defs', 'definitions', '$id', 'id', '~standard'])

/**
 * Copies a schema with each `$ref` replaced by what it refers to: inside another document it would refer to that one.
 * A schema that contains itself becomes `{}`, any value, where it begins again.
 */
function inline(value: unknown, root: JsonSchema, within: readonly unknown[] = []): unknown {
  if (Array.isArray(value)) return value.map((item) => inline(item, root, within))
  if (typeof value !== 'object' || value === null) return value
  const target = '$ref' in value ? find(String(value.$ref), root) : value
  if (within.includes(target)) return {}
  const copy: JsonSchema = {}
  for (const [key, part] of Object.entries({ ...target, ...value })) {
    const isName = within.at(-1) === 'properties'
    if (key === '$ref' || (!isName && rootKeys.has(key))) continue
    copy[key] = inline(part, root, [...within, target, key])
  }
  return copy
}

function find(reference: string, root: JsonSchema): object {
  let found: unknown = root
  for (const key of reference.split('/').slice(1)) {
    found = (found as JsonSchema | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return Object(found) as object
}
