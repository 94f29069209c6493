/** Sends one request, by XMLHttpRequest: fetch does not report the progress of an upload. */

/**
 * @typedef {object} Outgoing
 * @property {string} method
 * @property {string} url
 * @property {Record<string, string>} headers
 * @property {XMLHttpRequestBodyInit | null} body
 */

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} statusText
 * @property {string} mediaType
 * @property {unknown} body Parsed if it is JSON, else text
 * @property {number} time Milliseconds from the first byte sent to the last byte received
 */

/**
 * @typedef {object} SendOptions
 * @property {(sent: number, total: number) => void} [onProgress] Bytes that the browser has sent
 * @property {(received: number) => void} [onReceived] Bytes that the server has received
 * @property {AbortSignal} [signal]
 */

/**
 * @param {Outgoing} request
 * @param {SendOptions} [options]
 * @returns {Promise<Answer>} Rejects if there was no answer
 */
export function send({ method, url, headers, body }, { onProgress, onReceived, signal } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    const started = performance.now()
    xhr.open(method, url)
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value)
    if (onReceived) askServer(xhr, new URL(url).origin, onReceived)
    if (onProgress) xhr.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total)
    xhr.onload = () => resolve({ ...read(xhr), time: performance.now() - started })
    xhr.onerror = () => reject(new Error('No answer. Is the server still running?'))
    xhr.onabort = () => reject(new Error('Cancelled before the answer arrived.'))
    signal?.addEventListener('abort', () => xhr.abort())
    xhr.send(body)
  })
}

/**
 * Polls a few times a second: an event stream would occupy one of the browser's six connections to a server.
 *
 * @param {XMLHttpRequest} xhr Opened but not sent
 * @param {string} origin
 * @param {(received: number) => void} onReceived
 */
function askServer(xhr, origin, onReceived) {
  const id = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-')
  xhr.setRequestHeader('X-Upload-Id', id)
  const timer = setInterval(async () => {
    const response = await fetch(`${origin}/progress/${id}`).catch(() => undefined)
    if (response?.ok && xhr.readyState < XMLHttpRequest.DONE) onReceived((await response.json()).received)
  }, 250)
  xhr.addEventListener('loadend', () => clearInterval(timer))
}

/** @param {XMLHttpRequest} xhr */
function read(xhr) {
  const mediaType = xhr.getResponseHeader('Content-Type')?.split(';')[0] ?? ''
  const isJson = /^application\/(.+\+)?json$/.test(mediaType)
  return {
    status: xhr.status,
    statusText: xhr.statusText,
    mediaType,
    body: isJson ? JSON.parse(xhr.responseText) : xhr.responseText,
  }
}
