/** The request body of a route, as OpenAPI describes it. */
import { ContentType } from '../media-type.js'
import { readFileRule } from './file-rule.js'
import { inlineReferences, type JsonSchema } from './json-schema.js'
import { nodeOf } from './read-schema.js'
import { mayBeAbsent, shapeOf } from './schema-fields.js'
import { followSchemas, partsOf } from './schema-parts.js'
import { isZodSchema, type Schema, type ZodSchema } from './schema.js'

export interface OpenApiOptions {
  readonly version: '3.0' | '3.1'
  /**
   * `z.toJSONSchema`. Not needed for schemas of zod 4.2 and newer, which bring it along; needed for zod 4.1 and for
   * zod/mini, whose schemas do not.
   */
  readonly toJSONSchema?: ToJSONSchema
  /**
   * Media types that the route takes. Default: `multipart/form-data`, and without files in the schema
   * `application/x-www-form-urlencoded` too.
   */
  readonly contentType?: string | readonly string[]
}

/** `z.toJSONSchema()` of any version. */
export type ToJSONSchema = (schema: never, parameters: never) => object

interface Parameters {
  readonly target: 'openapi-3.0' | 'draft-2020-12'
  readonly io: 'input'
  readonly unrepresentable: 'any'
  readonly override: (context: { readonly zodSchema: ZodSchema; readonly jsonSchema: JsonSchema }) => void
}

/** The Request Body Object of the OpenAPI Specification. */
export interface RequestBody {
  required: boolean
  content: Record<string, RequestContent>
}

export interface RequestContent {
  schema: JsonSchema
  /** The media types of the parts that are files, where the schema limits them. */
  encoding?: Record<string, { contentType: string }>
}

/**
 * Describes the body of a route with `form(schema)`:
 *
 * ```ts
 * { requestBody: openapi(User, { version: '3.1' }) }
 * ```
 *
 * A file is `{ type: 'string', format: 'binary' }` in 3.0, and without a type in 3.1, as each of them wants it; its
 * media types are in `encoding`. Boxes and lists are not required, since a form leaves them out. A schema that
 * contains itself is cut where it begins again.
 *
 * @param schema of zod 4
 * @throws TypeError where the schema is none of zod, or does not bring `toJSONSchema` along and none is given
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
  if (typeof contentType === 'string') return [contentType]
  if (contentType !== undefined) return contentType
  return hasFiles(schema)
    ? [ContentType.MultipartFormData]
    : [ContentType.MultipartFormData, ContentType.FormUrlEncoded]
}

function describe(schema: ZodSchema, { version, toJSONSchema }: OpenApiOptions, isForm: boolean): JsonSchema {
  const parameters: Parameters = {
    target: version === '3.0' ? 'openapi-3.0' : 'draft-2020-12',
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => override(zodSchema, jsonSchema, version, isForm),
  }
  return inlineReferences(generate(schema, parameters, toJSONSchema))
}

function generate(
  schema: ZodSchema,
  parameters: Parameters,
  toJSONSchema: ToJSONSchema | undefined,
): JsonSchema {
  if (toJSONSchema !== undefined) return toJSONSchema(schema as never, parameters as never) as JsonSchema
  const own = schema as { toJSONSchema?: (parameters: Parameters) => JsonSchema }
  if (typeof own.toJSONSchema === 'function') return own.toJSONSchema(parameters)
  throw new TypeError(
    'This schema cannot describe itself. Call openapi(schema, { toJSONSchema: z.toJSONSchema, … }).',
  )
}

/** Says of a type what zod cannot say in JSON Schema, or says in a way that OpenAPI does not want. */
function override(
  { _zod: { def } }: ZodSchema,
  json: JsonSchema,
  version: '3.0' | '3.1',
  isForm: boolean,
): void {
  switch (def.type) {
    case 'file':
      for (const key of fileKeys) Reflect.deleteProperty(json, key)
      if (version === '3.0') Object.assign(json, { type: 'string', format: 'binary' })
      else json['contentMediaType'] = 'application/octet-stream'
      break
    case 'number':
      // Of every z.int(); Swagger UI would fill it in.
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
      if (isForm) dropAbsentKeys(json, def.shape!)
      break
    default:
  }
}

// Sizes are those of texts in JSON Schema, and OpenAPI 3.0 has no content types.
const fileKeys = ['type', 'format', 'contentEncoding', 'contentMediaType', 'minLength', 'maxLength', 'anyOf']

/** A form sends nothing for a box that is not checked and for a list without items. */
function dropAbsentKeys(json: JsonSchema, shape: Readonly<Record<string, ZodSchema>>): void {
  const { required } = json
  if (!Array.isArray(required)) return
  const kept = required.filter((key: string) => !mayBeAbsent(nodeOf(shape[key]!)))
  if (kept.length > 0) json['required'] = kept
  else Reflect.deleteProperty(json, 'required')
}

function encodingOf(schema: ZodSchema): Record<string, { contentType: string }> {
  const encoding: Record<string, { contentType: string }> = {}
  for (const [name, field] of Object.entries(shapeOf(schema))) {
    const { kind, types = [] } = readFileRule(field)
    // The ending of a file name is no media type.
    const contentType = types.filter((type) => !type.startsWith('.')).join(', ')
    if (kind !== 'value' && contentType !== '') encoding[name] = { contentType }
  }
  return encoding
}

function hasFiles(schema: ZodSchema): boolean {
  const { found } = followSchemas([schema], partsOf)
  return [...found].some(({ _zod }) => _zod.def.type === 'file')
}
