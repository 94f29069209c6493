/** The clients that upload. */
import { openChromium } from './chromium.mjs'
import { openCurl } from './curl.mjs'
import { openFetch } from './fetch.mjs'
import { openHttpRequest } from './http-request.mjs'
import { openPythonRequests } from './python-requests.mjs'

/**
 * @typedef {object} Job
 * @property {string} url
 * @property {boolean} isChunked
 *
 * @typedef {object} Outcome What one upload came to: the answer as the client's caller sees it, or why there is none.
 * @property {number} [status]
 * @property {string} [body]
 * @property {string} [error]
 * @property {number} [time] In milliseconds.
 *
 * @typedef {object} OpenClient
 * @property {string} version
 * @property {(job: Job) => Promise<Outcome>} upload
 * @property {() => Promise<unknown>} close
 *
 * @typedef {object} Client
 * @property {boolean} chunks Whether it can send a body in chunks.
 * @property {() => Promise<OpenClient | undefined>} open Gives `undefined` where the client is not on this machine.
 */

/** @type {Record<string, Client>} */
export const clients = {
  curl: { chunks: true, open: () => openCurl([]) },
  // curl asks before it sends more than 1 MiB, and other clients do not.
  'curl without Expect': { chunks: true, open: () => openCurl(['-H', 'Expect:']) },
  fetch: { chunks: true, open: openFetch },
  'http.request': { chunks: true, open: openHttpRequest },
  'python-requests': { chunks: true, open: openPythonRequests },
  Chromium: { chunks: false, open: openChromium },
}

/**
 * Whether a client that sends a body in chunks looks for an answer before the end. Before 2.29, requests gives up when it
 * can send no further, and reads nothing.
 *
 * @param {string} name
 * @param {string | undefined} version
 */
export function readsEarlyInChunks(name, version = '') {
  const isBlind = name === 'python-requests' && /^2\.(1?\d|2[0-8])\./.test(version)
  return clients[name]?.chunks === true && !isBlind
}
