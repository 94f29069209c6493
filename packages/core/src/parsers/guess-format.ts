/** What a body looks like, for the hint that tells a client's author which header would fit. */

import { Readable } from 'node:stream'
import { trimOws } from '../http/media-type.js'

export type BodyFormat =
  | { readonly kind: 'multipart'; readonly boundary: string }
  | { readonly kind: 'json' }
  | { readonly kind: 'urlencoded' }
  | { readonly kind: 'unknown' }

const urlencoded = /^[^\s=&{}[\]<>"]+=[^\s]*(?:&|$)/

/** How much of a body a guess looks at. */
const startSize = 1024

/** Guesses from the first bytes. A guess is for a hint only, never for a decision on how to read. */
export function guessFormat(start: Uint8Array): BodyFormat {
  const text = Buffer.from(start.buffer, start.byteOffset, Math.min(start.byteLength, startSize)).toString(
    'latin1',
  )
  const boundary = firstBoundary(text)
  if (boundary !== undefined) return { kind: 'multipart', boundary }
  if (/^\s*[{[]/.test(text)) return { kind: 'json' }
  if (urlencoded.test(text)) return { kind: 'urlencoded' }
  return { kind: 'unknown' }
}

const partHeaderStart = /^Content-[\w-]+:/i
/** No server takes a longer boundary. */
const longestBoundary = 200

/**
 * The boundary of a text whose first line is a delimiter, with the header of a part in the next line.
 *
 * Without a pattern for the whole: one that tries where the dashes, the boundary and the white space behind it begin takes
 * cubic time on dashes and spaces.
 */
function firstBoundary(text: string): string | undefined {
  const start = text.trimStart()
  if (!start.startsWith('--')) return undefined
  const lineEnd = start.indexOf('\n')
  if (lineEnd === -1 || !partHeaderStart.test(start.slice(lineEnd + 1))) return undefined
  const line = start.slice('--'.length, start[lineEnd - 1] === '\r' ? lineEnd - 1 : lineEnd)
  const boundary = trimOws(line)
  const isPlausible = boundary !== '' && boundary.length <= longestBoundary && !boundary.includes('\r')
  return isPlausible ? boundary : undefined
}

/** Reads as much of a body as a guess looks at, however it is cut, and gives it back with the rest. */
export async function readStart(stream: Readable): Promise<{ start: Buffer; whole: Readable }> {
  const rest = stream[Symbol.asyncIterator]()
  const chunks: Buffer[] = []
  for (let size = 0; size < startSize; size += chunks.at(-1)!.length) {
    const next = (await rest.next()) as IteratorResult<Buffer>
    if (next.done === true) break
    chunks.push(next.value)
  }
  const start = Buffer.concat(chunks)
  async function* all(): AsyncGenerator<Buffer> {
    yield start
    yield* { [Symbol.asyncIterator]: () => rest }
  }
  return { start, whole: Readable.from(all(), { objectMode: false }) }
}

/** The hint for a multipart body under another header: what authors of python-requests and curl scripts meet. */
export const multipartHint: string =
  'The body looks like multipart/form-data. Remove the Content-Type header that was set by hand: the HTTP client ' +
  'sets multipart/form-data together with the boundary.'
