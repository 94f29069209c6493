/** One app, with a request for every error code. */
import {
  BodyError,
  FileUploadParser,
  FormParser,
  JSONParser,
  MultiPartParser,
  PlainTextParser,
  type ErrorCode,
  type Limits,
  type MountOptions,
  type Storage,
} from '@formgate/core'
import { z } from 'zod'
import { field, file, form, multipartX, type Sent } from './client.js'
import type { Description, Handling } from './frameworks.js'

const urlencoded = 'application/x-www-form-urlencoded'
const json = 'application/json'
const f = file('f', 'f')

const all = [JSONParser, FormParser, MultiPartParser, PlainTextParser]

const limits: Partial<Limits> = {
  fileSize: 1000,
  files: 2,
  fieldSize: 500,
  fieldNameSize: 20,
  fields: 5,
  parts: 6,
  headerSize: 200,
  bodySize: 5000,
  textSize: 1000,
  jsonDepth: 3,
  jsonValues: 100,
}

/** A storage that throws this. */
const failing = (error: Error): Storage => ({
  async store() {
    throw error
  },
})

const declining: Storage = { store: async () => undefined }

/** A host's copy of the body that is a byte short. */
const copied = { rawBody: Buffer.from('{"a":1') }

/** The app. Its error handler makes a 5xx the same on every framework. */
export const everyCodeApp: Omit<Description, 'mount'> & { readonly mount: MountOptions } = {
  mount: { lazy: true, limits, parsers: all },
  errorHandler: true,
  above: {
    express: (app) =>
      app.use((req, _res, next) => {
        if (req.url === '/copied') Object.assign(req.resume(), copied)
        next()
      }),
    koa: (app) =>
      app.use((ctx, next) => {
        if (ctx.url === '/copied') Object.assign(ctx.req.resume(), copied)
        return next()
      }),
    fastify: (app) => {
      app.addHook('onRequest', async ({ raw, url }) => {
        if (url === '/copied') Object.assign(raw.resume(), copied)
      })
    },
  },
  routes: [
    { path: '/', parsers: all },
    { path: '/copied', parsers: [JSONParser] },
    { path: '/json', parsers: [JSONParser] },
    { path: '/idle', parsers: [JSONParser], options: { limits: { idle: 200 } } },
    { path: '/hurried', parsers: [JSONParser], options: { limits: { total: 200 } } },
    { path: '/raw', parsers: [FileUploadParser] },
    { path: '/nowhere', parsers: [MultiPartParser], options: { storage: declining } },
    { path: '/failing', parsers: [MultiPartParser], options: { storage: failing(new Error('no')) } },
    {
      path: '/full',
      parsers: [MultiPartParser],
      options: { storage: failing(Object.assign(new Error('no'), { code: 'ENOSPC' })) },
    },
    {
      path: '/scanned',
      parsers: [MultiPartParser],
      options: {
        inspect: () => ({
          chunk() {
            throw new BodyError('FILE_REFUSED', { detail: 'It holds a virus.' })
          },
        }),
      },
    },
    {
      path: '/broken-scanner',
      parsers: [MultiPartParser],
      options: {
        inspect: () => ({
          chunk() {
            throw new Error('no')
          },
        }),
      },
    },
    ...(['INVALID_TICKET', 'USED_TICKET', 'UPLOAD_MISSING'] as const).map((code) => ({
      path: `/${code}`,
      parsers: [MultiPartParser],
      options: { storage: failing(new BodyError(code)) },
    })),
    { path: '/typed', typed: (words) => words.form(z.object({ age: z.number() })) },
    {
      path: '/twice',
      async handler({ parse, parts }: Handling) {
        await parse()
        return parts().next()
      },
    },
    { path: '/unparsed', handler: ({ data }) => data },
  ],
}

export interface CodeCase {
  readonly code: ErrorCode
  readonly status: number
  readonly sent: Sent
}

const parts = (...list: readonly (readonly [string, string])[]): Sent => ({
  type: multipartX,
  body: form('X', ...list),
})
const upload = (path: string): Sent => ({ ...parts([f, 'x'.repeat(400)], [field('a'), '1']), path })
const x = 'x'.repeat(1001)

const requests: Readonly<Record<Exclude<ErrorCode, 'CLIENT_ABORTED'>, Sent>> = {
  MISSING_BOUNDARY: { type: 'multipart/form-data', body: form('X', [f, '1']) },
  INVALID_BOUNDARY: { type: 'multipart/form-data; boundary=', body: form('X', [f, '1']) },
  DUPLICATE_BOUNDARY: { type: `${multipartX}; boundary=Y`, body: form('X', [f, '1']) },
  BOUNDARY_MISMATCH: { type: 'multipart/form-data; boundary=Y', body: form('X', [f, '1']) },
  NOT_MULTIPART: { type: multipartX, body: '{"a":1}' },
  TRUNCATED_BODY: { type: multipartX, body: form('X', [f, 'x'.repeat(200)]).slice(0, -10) },
  LF_LINE_ENDINGS: { type: multipartX, body: form('X', [f, '1']).replaceAll('\r\n', '\n') },
  MALFORMED_PART: parts(['no colon', '1'], [f, 'x'.repeat(900)]),
  MISSING_PART_NAME: parts(['Content-Disposition: form-data', '1'], [f, 'x'.repeat(900)]),
  MALFORMED_JSON: { type: json, body: `{"a":1,}${' '.repeat(600)}` },
  MALFORMED_FORM: { type: urlencoded, body: form('X', [field('a'), '1']) },
  INVALID_CHARSET: parts(
    [`${field('a')}\r\nContent-Type: text/plain; charset=utf-9`, '1'],
    [f, 'x'.repeat(900)],
  ),
  MISSING_FILENAME: { path: '/raw', type: 'image/png', body: 'x'.repeat(900) },
  UNHANDLED_FILE: upload('/nowhere'),
  LENGTH_MISMATCH: { path: '/copied', type: json, body: '{"a":1}' },
  IDLE_TIMEOUT: {
    path: '/idle',
    type: json,
    headers: { 'Content-Length': '100' },
    framing: 'none',
    body: '{',
  },
  TOTAL_TIMEOUT: {
    path: '/hurried',
    type: json,
    headers: { 'Content-Length': '100' },
    framing: 'none',
    body: '{',
  },
  LIMIT_FILE_SIZE: parts([f, x], [f, '2']),
  LIMIT_FIELD_SIZE: parts([field('a'), x], [f, '2']),
  LIMIT_FIELD_NAME: parts([field('a'.repeat(21)), '1'], [f, '2']),
  LIMIT_FIELDS: { type: urlencoded, body: 'a=&'.repeat(300) },
  LIMIT_FILES: parts([f, '1'], [f, '2'], [f, '3'], [f, '4']),
  LIMIT_PARTS: parts(...Array.from({ length: 9 }, () => [file('f', ''), ''] as const)),
  LIMIT_BODY_SIZE: { type: json, body: `"${x}"` },
  LIMIT_HEADER_SIZE: parts([`${field('a')}\r\nX-Y: ${'y'.repeat(300)}`, '1'], [f, '2']),
  LIMIT_JSON_VALUES: { type: json, body: `[${'1,'.repeat(100)}1]` },
  LIMIT_NESTING: { type: json, body: '[[[[1]]]]' },
  UNSUPPORTED_MEDIA_TYPE: { path: '/json', type: urlencoded, body: 'a=1' },
  MISSING_CONTENT_TYPE: { path: '/json', body: '{"a":1}' },
  MALFORMED_ENCODING: { type: json, headers: { 'Content-Encoding': 'gzip' }, body: '{"a":1}' },
  UNSUPPORTED_ENCODING: { type: json, headers: { 'Content-Encoding': 'zstd' }, body: '{"a":1}' },
  VALIDATION_FAILED: { path: '/typed', type: urlencoded, body: 'age=old' },
  FILE_REFUSED: upload('/scanned'),
  INVALID_TICKET: upload('/INVALID_TICKET'),
  USED_TICKET: upload('/USED_TICKET'),
  UPLOAD_MISSING: upload('/UPLOAD_MISSING'),
  STORAGE_FAILED: upload('/failing'),
  STORAGE_FULL: upload('/full'),
  INSPECTION_FAILED: upload('/broken-scanner'),
  BODY_ALREADY_READ: { path: '/twice', ...parts([field('a'), '1']) },
  BODY_NOT_PARSED: { path: '/unparsed', type: json, body: '{"a":1}' },
}

/** Every code that is ever sent. */
export const codeCases: readonly CodeCase[] = Object.entries(requests).map(([name, sent]) => {
  const code = name as ErrorCode
  return { code, status: new BodyError(code).status, sent }
})
