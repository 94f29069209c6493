/** Guesses the format of a body, for a hint on the header that would fit it. */
import { Readable } from 'node:stream'
import type { Body } from '../http/body-stream.js'
import { trimOws } from '../http/media-type.js'

export type BodyFormat =
  | { readonly kind: 'multipart'; readonly boundary: string }
  | { readonly kind: 'json' | 'urlencoded' | 'unknown' }

const urlencoded = /^[^\s=&{}[\]<>"]+=[^\s]*(?:&|$)/

/** Bytes of a body that a guess looks at. */
const startSize = 1024

/** Guesses from the first bytes. For hints only: never decide how to read a body by a guess. */
export function guessFormat(start: Buffer): BodyFormat {
  const text = start.toString('latin1', 0, startSize)
  const boundary = firstBoundary(text)
  if (boundary !== undefined) return { kind: 'multipart', boundary }
  if (/^\s*[{[]/.test(text)) return { kind: 'json' }
  return { kind: urlencoded.test(text) ? 'urlencoded' : 'unknown' }
}

const partHeaderStart = /^Content-[\w-]+:/i
const longestBoundary = 200

/**
 * The boundary of a text whose first line is a delimiter and whose second begins the header of a part. One pattern for
 * all of it would take cubic time on dashes and spaces.
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

/** Reads as much of a body as a guess looks at. @returns `whole` to read the body from its start */
export async function readStart<B extends Body>(body: B): Promise<{ start: Buffer; whole: B | Readable }> {
  if (Buffer.isBuffer(body)) return { start: body, whole: body }
  const rest = body[Symbol.asyncIterator]()
  let start: Buffer = Buffer.alloc(0)
  while (start.length < startSize) {
    const next = (await rest.next()) as IteratorResult<Buffer>
    if (next.done === true) break
    start = Buffer.concat([start, next.value])
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield start
    yield* { [Symbol.asyncIterator]: () => rest }
  }
  return { start, whole: Readable.from(all(), { objectMode: false }) }
}

/** The hint for a multipart body under another header, a common mistake of python-requests and curl scripts. */
export const multipartHint: string =
  'The body looks like multipart/form-data. Remove the Content-Type header that was set by hand: the HTTP client ' +
  'sets multipart/form-data together with the boundary.'
