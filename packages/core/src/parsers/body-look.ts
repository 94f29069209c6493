/** What a body looks like, for the hint that tells a client's author which header would fit. */

import { Readable } from 'node:stream'

export type BodyLook =
  | { readonly kind: 'multipart'; readonly boundary: string }
  | { readonly kind: 'json' }
  | { readonly kind: 'urlencoded' }
  | { readonly kind: 'unknown' }

const firstDelimiter = /^\s*(-{2,}[^\r\n]{1,200}?)[ \t]*\r?\nContent-[\w-]+:/i
const urlencoded = /^[^\s=&{}[\]<>"]+=[^\s]*(?:&|$)/

/** How much of a body a guess looks at. */
const startSize = 1024

/** Guesses from the first bytes. A guess is for a hint only, never for a decision on how to read. */
export function bodyLook(start: Uint8Array): BodyLook {
  const text = Buffer.from(start.buffer, start.byteOffset, Math.min(start.byteLength, startSize)).toString(
    'latin1',
  )
  const delimiter = firstDelimiter.exec(text)?.[1]
  if (delimiter !== undefined) return { kind: 'multipart', boundary: delimiter.slice(2) }
  if (/^\s*[{[]/.test(text)) return { kind: 'json' }
  if (urlencoded.test(text)) return { kind: 'urlencoded' }
  return { kind: 'unknown' }
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
