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
 * @typedef {object} Outcome The result of one upload: the answer as the client reports it, or the reason why there is none.
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
 * @property {() => Promise<OpenClient | undefined>} open Gives `undefined` if the client is not installed.
 */

/** @type {Record<string, Client>} */
export const clients = {
  curl: { chunks: true, open: () => openCurl([]) },
  // Only curl sends Expect: 100-continue for more than 1 MiB.
  'curl without Expect': { chunks: true, open: () => openCurl(['-H', 'Expect:']) },
  fetch: { chunks: true, open: openFetch },
  'http.request': { chunks: true, open: openHttpRequest },
  'python-requests': { chunks: true, open: openPythonRequests },
  Chromium: { chunks: false, open: openChromium },
}

/**
 * Whether a client that sends a body in chunks reads an answer before the end. Before 2.29, requests does not read it when
 * sending fails.
 *
 * @param {string} name
 * @param {string | undefined} version
 */
export function readsEarlyInChunks(name, version = '') {
  const isBlind = name === 'python-requests' && /^2\.(1?\d|2[0-8])\./.test(version)
  return clients[name]?.chunks === true && !isBlind
}
