/** Shows the header of a request and the start of its body, with the mistake marked. */
import { element } from './element.js'

const shownLength = 420

/** @param {import('./broken-requests.js').BrokenRequest} request */
export function bytesView({ title, method, path, headers, body, marks, absent }) {
  const rest = body.length - shownLength
  return element(
    'pre',
    { class: 'bytes', tabindex: 0, role: 'region', 'aria-label': `Bytes of “${title}”` },
    element('span', { class: 'request-line' }, `${method} ${path} HTTP/1.1`),
    '\n',
    ...Object.entries(headers).flatMap(([name, value]) => [
      element('span', { class: 'header-name' }, `${name}:`),
      ' ',
      ...marked(value, marks),
      '\n',
    ]),
    ...('Content-Type' in headers ? [] : [element('mark', {}, 'no Content-Type'), '\n']),
    element('span', { class: 'header-name' }, 'Content-Length:'),
    ` ${body.length}\n\n`,
    ...marked(body.slice(0, shownLength), marks),
    rest > 0 ? element('span', { class: 'rest' }, `… ${rest.toLocaleString('en')} more bytes`) : '',
    absent === undefined ? '' : element('mark', { class: 'absent' }, absent),
  )
}

/**
 * @param {string} text
 * @param {string[]} marks
 * @returns {(Node | string)[]}
 */
function marked(text, marks) {
  const found = marks.map((mark) => text.indexOf(mark)).filter((index) => index >= 0)
  if (found.length === 0) return withLineEnds(text)
  const start = Math.min(...found)
  // The longest mark that begins here.
  const [mark = ''] = marks
    .filter((each) => text.startsWith(each, start))
    .toSorted((a, b) => b.length - a.length)
  const end = start + mark.length
  return [
    ...withLineEnds(text.slice(0, start)),
    element('mark', {}, ...withLineEnds(mark)),
    ...marked(text.slice(end), marks),
  ]
}

/**
 * Makes line endings visible: they are a common mistake.
 *
 * @param {string} text
 */
function withLineEnds(text) {
  return text.split(/(\r?\n)/).flatMap((piece) => {
    if (piece === '\r\n') return [element('span', { class: 'line-end' }, '\\r\\n'), '\n']
    if (piece === '\n') return [element('span', { class: 'line-end' }, '\\n'), '\n']
    return piece === '' ? [] : [piece]
  })
}
