/** Readers and storages that read 1 MB per second. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

const bytesPerSecond = 1_000_000

/** Bytes that are read before a pause for as long as they should have taken. */
const gulp = 1_300_000

/**
 * @param {import('node:stream').Readable} stream
 * @param {import('./census.js').Census} census
 * @returns {Promise<{ size: number, sha256: string }>}
 */
export async function takeSlowly(stream, census) {
  const hash = createHash('sha256')
  let size = 0
  let sinceRest = 0
  for await (const chunk of /** @type {AsyncIterable<Buffer>} */ (stream)) {
    hash.update(chunk)
    size += chunk.length
    sinceRest += chunk.length
    census.taken += chunk.length
    if (sinceRest < gulp || census.isInHurry) continue
    await delay((sinceRest / bytesPerSecond) * 1000)
    sinceRest = 0
  }
  return { size, sha256: hash.digest('hex') }
}

/**
 * A storage that reads that slowly and keeps nothing.
 * @param {import('./census.js').Census} census
 * @returns {import('@formgate/express').Storage}
 */
export function slowSink(census) {
  return {
    async store(stream) {
      const { size } = await takeSlowly(stream, census)
      return { size, createReadStream: () => Readable.from([]), remove: async () => undefined }
    },
  }
}
