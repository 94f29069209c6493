/** Shows an answer of type application/problem+json (RFC 9457). */
import { element } from './element.js'

/**
 * @typedef {object} Problem
 * @property {number} status
 * @property {string} title
 * @property {string} code
 * @property {string} detail
 * @property {string} [hint]
 * @property {string} [field]
 * @property {number} [limit]
 */

/**
 * @param {unknown} body
 * @returns {body is Problem}
 */
export function isProblem(body) {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body
}

/** @param {Problem} problem */
export function problemView({ code, detail, hint, field, limit }) {
  return element(
    'div',
    { class: 'problem' },
    element('p', { class: 'code' }, code),
    element('p', { class: 'detail' }, detail),
    hint === undefined
      ? undefined
      : element('p', { class: 'hint' }, element('strong', {}, 'What to change'), ` ${hint}`),
    field === undefined && limit === undefined
      ? undefined
      : element('p', { class: 'facts' }, ...fact('field', field), ...fact('limit', limit)),
  )
}

/**
 * @param {string} name
 * @param {string | number | undefined} value
 */
function fact(name, value) {
  if (value === undefined) return []
  const shown = typeof value === 'number' ? value.toLocaleString('en') : value
  return [element('span', {}, `${name} `, element('b', {}, shown))]
}

/**
 * @param {number} status 0 if there was no answer
 * @param {string} [text]
 */
export function statusView(status, text = '') {
  if (status === 0) return element('span', { class: 'status failed' }, text)
  const kind = status < 400 ? 'good' : status < 500 ? 'refused' : 'failed'
  return element('span', { class: `status ${kind}` }, element('b', {}, String(status)), text && ` ${text}`)
}
