/** Lists the events that the servers publish on Node's diagnostics_channel. */
import { byId, element } from './element.js'
import { formatBytes, formatTime, plural } from './format.js'

/** The number of events on the page. */
const shown = 40

/** @type {Record<string, string>} */
const colours = {
  parsed: 'good',
  stored: 'good',
  removed: 'pending',
  skipped: 'pending',
  refused: 'refused',
  aborted: 'refused',
  failed: 'failed',
  'left over': 'failed',
}

/**
 * @typedef {object} Published A BodyEvent or a FileEvent, as JSON
 * @property {'body' | 'file'} channel
 * @property {string} outcome
 * @property {string} [framework]
 * @property {string} [method]
 * @property {string} [route]
 * @property {string} [parser]
 * @property {number} [fields]
 * @property {number} [files]
 * @property {string} [field]
 * @property {string} [type]
 * @property {string} [storage]
 * @property {number} [bytes]
 * @property {number} [ms]
 * @property {{ code?: string, limit?: number, field?: string }} [error]
 */

export function setUpEvents() {
  const list = byId('events', HTMLOListElement)
  new EventSource('events').addEventListener('message', ({ data }) => {
    byId('no-events', HTMLParagraphElement).hidden = true
    list.prepend(row(JSON.parse(data)))
    while (list.children.length > shown) list.lastElementChild?.remove()
  })
}

/** @param {Published} event */
function row(event) {
  return element(
    'li',
    {},
    element('span', { class: `status ${colours[event.outcome] ?? 'pending'}` }, event.outcome),
    element('code', {}, event.channel === 'body' ? subjectOfBody(event) : subjectOfFile(event)),
    element('span', { class: 'details' }, details(event).join(' · ')),
  )
}

/** @param {Published} event */
function subjectOfBody({ framework, method, route }) {
  return `${framework} ${method}${route === undefined ? '' : ` ${route}`}`
}

/** @param {Published} event */
function subjectOfFile({ field, type }) {
  return `file ${field ?? ''}${type ? ` (${type})` : ''}`
}

/** @param {Published} event */
function details({ parser, bytes, fields, files, storage, ms, error }) {
  const limit = error?.limit === undefined ? undefined : `limit ${error.limit}`
  return [
    error?.code,
    error?.field,
    limit,
    parser,
    storage,
    bytes === undefined ? undefined : formatBytes(bytes),
    fields === undefined ? undefined : plural(fields, 'field'),
    files ? plural(files, 'file') : undefined,
    ms === undefined ? undefined : formatTime(ms),
  ].filter((each) => each !== undefined)
}
