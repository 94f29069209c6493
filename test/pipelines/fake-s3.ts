/** As much of an S3 store as one client needs: objects, parts, and what is left of both. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface FakeS3 {
  readonly endpoint: string
  readonly objects: ReadonlyMap<string, Buffer>
  /** Uploads that were begun and neither completed nor aborted. */
  readonly uploads: ReadonlyMap<string, ReadonlyMap<number, Buffer>>
  close(): void
}

export async function startFakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Buffer>()
  const uploads = new Map<string, Map<number, Buffer>>()
  const answer = async (req: IncomingMessage): Promise<[status: number, body: string]> => {
    const url = new URL(req.url!, 'http://store')
    const key = decodeURIComponent(url.pathname)
    const upload = url.searchParams.get('uploadId')
    const bytes = await buffer(req)
    if (req.method === 'PUT' && upload === null) objects.set(key, bytes)
    else if (req.method === 'PUT')
      uploads.get(upload!)?.set(Number(url.searchParams.get('partNumber')), bytes)
    else if (req.method === 'DELETE' && upload === null) objects.delete(key)
    else if (req.method === 'DELETE') uploads.delete(upload!)
    else if (url.searchParams.has('uploads')) {
      const id = `upload-${uploads.size}-${Date.now()}`
      uploads.set(id, new Map())
      return [
        200,
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      ]
    } else if (req.method === 'POST') {
      const parts = [...(uploads.get(upload!) ?? [])].toSorted(([a], [b]) => a - b)
      objects.set(key, Buffer.concat(parts.map(([, part]) => part)))
      uploads.delete(upload!)
      return [200, '<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>']
    }
    return [req.method === 'DELETE' ? 204 : 200, '']
  }
  const server: Server = createServer((req, res) => {
    void answer(req).then(
      ([status, body]) => res.writeHead(status, { ETag: '"e"' }).end(body),
      () => res.destroy(),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    objects,
    uploads,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
