/** The white space of header fields. */

/**
 * Takes spaces and tabs from both ends, which is all that is white space in a header (RFC 9110, 5.6.3). `trim()` would
 * take the byte A0 too: the second half of `à` in UTF-8.
 */
export function trimSpace(text: string): string {
  // Loops, since /[ \t]+$/ takes quadratic time on a long run of spaces that does not end the text.
  let start = 0
  let end = text.length
  while (start < end && isSpace(text, start)) start += 1
  while (end > start && isSpace(text, end - 1)) end -= 1
  return text.slice(start, end)
}

function isSpace(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t'
}
