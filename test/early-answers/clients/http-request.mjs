/** http.request() of Node, with the form written by hand. */
import { Agent, request } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { uploadSize } from '../ways.mjs'

const head = '--X\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
const tail = '\r\n--X--\r\n'
const piece = Buffer.alloc(64 * 1024)

function* body() {
  yield Buffer.from(head)
  for (let left = uploadSize; left > 0; left -= piece.length)
    yield piece.subarray(0, Math.min(left, piece.length))
  yield Buffer.from(tail)
}

/** @returns {Promise<import('./clients.mjs').OpenClient>} */
export async function openHttpRequest() {
  const agent = new Agent({ keepAlive: true })
  return {
    version: `Node ${process.versions.node}`,
    upload: ({ url, isChunked }) =>
      new Promise((resolve, reject) => {
        const length = isChunked ? {} : { 'Content-Length': head.length + uploadSize + tail.length }
        const headers = { 'Content-Type': 'multipart/form-data; boundary=X', ...length }
        const sent = request(url, { method: 'POST', headers, agent })
        sent.on('error', reject)
        sent.on('response', (response) => {
          text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
        })
        Readable.from(body(), { objectMode: false }).pipe(sent)
      }),
    close: async () => agent.destroy(),
  }
}
