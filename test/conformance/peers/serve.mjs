/** Common parts of the servers of all peers. */
// @ts-nocheck -- Runs in another folder, with packages that are not installed here.
import { createServer } from 'node:http'

/**
 * Starts a server on a free port and prints it.
 * @param {import('node:http').RequestListener} listener
 */
export function serve(listener) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    console.log(typeof address === 'object' && address !== null ? address.port : address)
  })
  // stdin closes when the parent ends.
  process.stdin.resume().on('end', () => process.exit())
}

/**
 * The limits that a request asks for.
 * @param {import('node:http').IncomingMessage} request
 * @returns {Record<string, number>}
 */
export function limitsOf(request) {
  const header = request.headers['x-limits']
  return typeof header === 'string' ? JSON.parse(header) : {}
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {unknown} answer
 */
export function answer(response, status, answer) {
  if (response.headersSent) return
  // JSON would leave out a missing name or value.
  const json = JSON.stringify(answer, (_, value) => (value === undefined ? '<undefined>' : value))
  response.writeHead(status, { 'content-type': 'application/json' }).end(json)
}

/**
 * @param {Record<string, unknown>} fields
 * @returns {[name: string, value: unknown][]}
 */
export function flatten(fields) {
  return Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().map((each) => /** @type {[string, unknown]} */ ([name, each])),
  )
}
