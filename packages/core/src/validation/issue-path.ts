/** Where in a form something is wrong, as text. */
import { cutText } from '../shown-text.js'

/** The keys to a place: numbers count the items of a list. */
export type IssuePath = readonly PropertyKey[]

/** Clients choose the keys of records, at any length and depth. */
const longestPath = 500

/** Writes a path as the name of a form field would be: `items[0].price`; `''` for the body as a whole. */
export function formatPath(path: IssuePath): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? String(key) : `.${String(key)}`
    if (text.length > longestPath) break
  }
  return cutText(text, longestPath)
}
