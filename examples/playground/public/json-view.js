/** Shows a value as indented JSON with its tokens coloured. */
import { element } from './element.js'

const token = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi

/**
 * @param {unknown} value
 * @param {string} label Label for screen readers
 */
export function jsonView(value, label) {
  const text = JSON.stringify(value, null, 2)
  const view = element('pre', { class: 'json', tabindex: 0, role: 'region', 'aria-label': label })
  let end = 0
  for (const match of text.matchAll(token)) {
    const [all, string, colon] = match
    view.append(text.slice(end, match.index))
    if (string === undefined)
      view.append(element('span', { class: /\d/.test(all) ? 'number' : 'literal' }, all))
    else view.append(element('span', { class: colon ? 'key' : 'string' }, string), colon ?? '')
    end = match.index + all.length
  }
  view.append(text.slice(end))
  return view
}
