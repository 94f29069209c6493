/** The events of the three servers, for the page: see docs/observability.md. */
import { subscribe } from 'node:diagnostics_channel'

/** The number of events that are remembered. */
const kept = 200

/** @type {{ id: number, text: string }[]} */
const events = []
/** @type {Set<import('node:http').ServerResponse>} */
const listeners = new Set()
let last = 0

/**
 * @param {'body' | 'file'} channel
 * @param {import('@formgate/core').BodyEvent | import('@formgate/core').FileEvent} event
 */
function add(channel, event) {
  const id = (last += 1)
  const text = `id: ${id}\ndata: ${JSON.stringify({ channel, ...event.toJSON() })}\n\n`
  events.push({ id, text })
  if (events.length > kept) events.shift()
  for (const listener of listeners) listener.write(text)
}

subscribe('tracing:formgate:body:asyncEnd', (message) =>
  add('body', /** @type {import('@formgate/core').BodyEvent} */ (message)),
)
subscribe('formgate:file', (message) =>
  add('file', /** @type {import('@formgate/core').FileEvent} */ (message)),
)

/**
 * Sends the events, as they come, to an EventSource. One that reconnects gets those that it has missed.
 *
 * @param {import('node:http').IncomingMessage} req
 * @param {import('node:http').ServerResponse} res
 */
export function sendEvents({ headers }, res) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  const seen = Number(headers['last-event-id'] ?? last)
  // So that the answer has a first byte.
  res.write(':\n\n')
  for (const { id, text } of events) if (id > seen) res.write(text)
  listeners.add(res)
  res.on('close', () => listeners.delete(res))
}
