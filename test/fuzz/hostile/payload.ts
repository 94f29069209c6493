/** Makes the bytes of a recipe. */
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import type { Recipe, RepeatedPart, Run } from './recipe.js'

/** Bytes of the largest body before compression, by default. */
const usualMost = 4 * 1024 * 1024

const whole = { '': (bytes: Buffer) => bytes, gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }

/** Every byte of the text can be decompressed, but the stream has not ended. */
const unfinished = {
  '': (bytes: Buffer) => bytes.subarray(0, -1),
  gzip: (bytes: Buffer) => gzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: (bytes: Buffer) => deflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }),
  br: (bytes: Buffer) => brotliCompressSync(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
}

/** The bytes to send: without the last ones if the end is withheld. */
export function payloadOf(recipe: Recipe, most: number = usualMost): Buffer {
  const { encoding, ending } = recipe
  const text = Buffer.from(textOf(recipe, most), 'latin1')
  if (ending === 'withheld') return unfinished[encoding](text)
  const bytes = whole[encoding](text)
  switch (ending) {
    case 'whole':
      return bytes
    case 'cut':
      return bytes.subarray(0, Math.ceil(bytes.length * 0.7))
    case 'trailing bytes':
      return Buffer.concat([bytes, Buffer.alloc(1000, 'x')])
    case 'two members':
      return Buffer.concat([bytes, bytes])
  }
}

function textOf({ text, parts }: Recipe, most: number): string {
  const whole = parts.reduce(
    (body, part) => body + textOfParts(part, most - body.length),
    textOfRuns(text, most),
  )
  return parts.length === 0 ? whole : `${whole}--X--\r\n`
}

function textOfParts({ header, content, times }: RepeatedPart, room: number): string {
  const one = `--X\r\n${textOfRuns(header, room)}\r\n\r\n${textOfRuns(content, room)}\r\n`
  const count = Math.min(times, Math.max(1, Math.floor(room / one.length)))
  // Only the names of the parts may differ.
  return one.includes('§')
    ? Array.from({ length: count }, (_, index) => one.replaceAll('§', index.toString(36))).join('')
    : one.repeat(count)
}

/** A `§` in a unit that occurs once is replaced by the part. */
function textOfRuns(runs: readonly Run[], room: number): string {
  let text = ''
  for (const { unit, times } of runs) {
    const count = Math.min(times, Math.max(0, Math.floor((room - text.length) / Math.max(1, unit.length))))
    text +=
      unit.includes('§') && count > 1
        ? Array.from({ length: count }, (_, index) => unit.replaceAll('§', index.toString(36))).join('')
        : unit.repeat(count)
  }
  return text
}
