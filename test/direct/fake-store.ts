/** As much of an S3 store as direct uploads need, in this process. It checks the conditions of a POST, but no signature. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { createBodyParser, type UploadedFile } from '@formgate/core'

interface FakeObject {
  readonly body: Buffer
  readonly etag: string
  readonly headers: Readonly<Record<string, string>>
}

type Answer = readonly [status: number, headers?: Record<string, string>, body?: string | Buffer]

export interface FakeStore {
  readonly config: S3ClientConfig
  /** The environment variables of an app that has no other configuration. */
  readonly env: Readonly<Record<string, string>>
  /** The keys of all objects. */
  readonly contents: () => Promise<string[]>
  close(): void
}

export async function startFakeStore(): Promise<FakeStore> {
  const objects = new Map<string, FakeObject>()
  const server = createServer((req, res) => {
    void answer(objects, req, res).then(
      ([status, headers = {}, body = '']) => res.writeHead(status, headers).end(body),
      () => res.destroy(),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  return {
    config: { endpoint, region: 'us-east-1', forcePathStyle: true, credentials },
    env: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    contents: async () => [...objects.keys()].map((path) => path.slice(path.indexOf('/', 1) + 1)),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answer(
  objects: Map<string, FakeObject>,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Answer> {
  const path = decodeURIComponent(new URL(req.url!, 'http://store').pathname)
  const body = req.method === 'POST' ? Buffer.alloc(0) : await buffer(req)
  const header = (name: string): string | undefined => req.headers[name] as string | undefined
  const found = objects.get(path)
  const put = (to: string, content: Buffer, headers: Record<string, string>): string => {
    const etag = `"${createHash('md5').update(content).digest('hex')}"`
    objects.set(to, { body: content, etag, headers })
    return etag
  }
  switch (req.method) {
    case 'POST':
      return post(path, await parseForm(req, res), put)
    case 'PUT': {
      if (header('if-none-match') === '*' && found !== undefined) return failed(412, 'PreconditionFailed')
      const copied = header('x-amz-copy-source')
      const headers = Object.fromEntries(
        Object.entries(req.headers).filter(([name]) => /^(x-amz-meta-.*|content-type)$/.test(name)),
      ) as Record<string, string>
      if (copied === undefined) return [200, { ETag: put(path, body, headers) }]
      const source = objects.get(`/${decodeURIComponent(copied).replace(/^\//, '')}`)
      if (source === undefined) return failed(404, 'NoSuchKey')
      if (header('x-amz-copy-source-if-match') !== source.etag) return failed(412, 'PreconditionFailed')
      const etag = put(path, source.body, headers)
      return [200, {}, `<CopyObjectResult><ETag>${etag}</ETag></CopyObjectResult>`]
    }
    case 'DELETE':
      objects.delete(path)
      return [204]
    default: {
      if (found === undefined) return failed(404, req.method === 'HEAD' ? 'NotFound' : 'NoSuchKey')
      const headers = { ...found.headers, ETag: found.etag }
      if (req.method === 'HEAD') return [200, { ...headers, 'Content-Length': String(found.body.length) }]
      if (![undefined, found.etag].includes(header('if-match'))) return failed(412, 'PreconditionFailed')
      const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(header('range') ?? '') ?? []
      if (start === undefined) return [200, headers, found.body]
      return [206, headers, found.body.subarray(Number(start), Number(end) + 1)]
    }
  }
}

const parseForm = createBodyParser()

/** A presigned POST: the fields must satisfy the policy. */
async function post(
  bucket: string,
  { data }: { readonly data: unknown },
  put: (to: string, content: Buffer, headers: Record<string, string>) => string,
): Promise<Answer> {
  const { file, ...fields } = data as Record<string, string> & { readonly file: UploadedFile }
  const field = (name: string): string => (fields as Record<string, string>)[name] ?? ''
  const content = Buffer.from(await file.arrayBuffer())
  const { conditions, expiration } = JSON.parse(Buffer.from(field('Policy'), 'base64').toString()) as {
    conditions: (Record<string, string> | [string, number, number])[]
    expiration: string
  }
  if (Date.parse(expiration) < Date.now()) return failed(403, 'AccessDenied')
  for (const condition of conditions) {
    if (Array.isArray(condition)) {
      const [, least, most] = condition
      if (content.length < least) return failed(400, 'EntityTooSmall')
      if (content.length > most) return failed(400, 'EntityTooLarge')
    } else {
      const [[name, value] = []] = Object.entries(condition)
      if (name !== 'bucket' && field(name!) !== value) return failed(403, 'AccessDenied')
    }
  }
  put(`${bucket.replace(/\/$/, '')}/${field('key')}`, content, { 'content-type': field('Content-Type') })
  return [204]
}

function failed(status: number, code: string): Answer {
  return [status, { 'Content-Type': 'application/xml' }, `<Error><Code>${code}</Code></Error>`]
}
