/** fetch() of Node. */
import { uploadSize } from '../ways.mjs'

const file = new Blob([new Uint8Array(uploadSize)])

/** @returns {Promise<import('./clients.mjs').OpenClient>} */
export async function openFetch() {
  return {
    version: `Node ${process.versions.node}`,
    async upload({ url, isChunked }) {
      const form = new FormData()
      form.append('f', file, 'f')
      const response = await fetch(url, { method: 'POST', ...(isChunked ? streamed(form) : { body: form }) })
      return { status: response.status, body: await response.text() }
    },
    close: async () => undefined,
  }
}

/**
 * The same form as a stream of unknown length.
 *
 * @param {FormData} form
 * @returns {RequestInit}
 */
function streamed(form) {
  const { body, headers } = new Response(form)
  return { body, duplex: 'half', headers: { 'content-type': headers.get('content-type') ?? '' } }
}
