/** Makes text from a client safe for logs and answers. */

const control = /[\p{Cc}\u2028\u2029]/u
const controls = /[\p{Cc}\u2028\u2029]/gu

/** Escapes control characters, as in `\u001b`: a terminal would act on them. */
export function quoteControls(text: string): string {
  if (!control.test(text)) return text
  return text.replace(controls, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A number with its noun: `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Cuts a text to `most` characters, and says how many are left out. */
export function cutText(text: string, most: number): string {
  if (text.length <= most) return text
  const kept = text.slice(0, most).replace(/[\ud800-\udbff]$/, '')
  return `${kept}… and ${counted(text.length - kept.length, 'more character')}`
}

/** Cuts a text so that its JSON has at most `most` bytes. */
export function cutToBytes(text: string, most: number): string {
  // An escaped character has at most six bytes.
  if (text.length * 6 <= most) return text
  let kept = cutText(text, most)
  for (let limit = most; sizeOf(kept) > most;) kept = cutText(text, (limit = Math.floor(limit / 2)))
  return kept
}

/** Bytes of a value in JSON. */
export function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}
