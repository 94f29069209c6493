/** The default storage: small files stay in memory, large ones go to a temporary file. */
import { tmpdir } from 'node:os'
import { ChunkBuffer } from '../bytes/chunk-buffer.js'
import { LocalFile } from './temp-file.js'
import { MemoryFile } from './memory.js'
import { tempPath, writeTempFile } from './temp-file.js'
import { StorageDirectory } from './temp-file.js'
import type { Storage } from './storage.js'

export interface SpoolOptions {
  /** Bytes up to and with which a file stays in memory. Default 256 KiB. `Infinity` never writes a file. */
  readonly threshold?: number
  /** Where larger files go. Default the temporary directory of the system. */
  readonly directory?: string
  /** See `disk()`. Default 24 hours. */
  readonly sweepAge?: number
}

/**
 * Keeps a file in memory up to a threshold, and past it in a temporary file: `formgate-`, 128 random bits and `.part`,
 * with mode 0600. It stays a part file until it is moved, so that the sweep also finds one whose process was killed
 * while the handler ran. `keep()` is for work of this process; what has to stay, stays by `moveTo()`.
 *
 * @throws TypeError for an option that is no size or no path
 */
export function spool(options: SpoolOptions = {}): Storage {
  const { threshold = 256 * 1024, directory = tmpdir(), sweepAge } = options
  if (!(threshold >= 0))
    throw new TypeError(`threshold must be bytes from 0 up, but is ${String(threshold)}.`)
  const place = new StorageDirectory({ directory, ...(sweepAge !== undefined && { sweepAge }) })
  return {
    name: 'spool',
    async store(stream, _info, signal) {
      const buffer = new ChunkBuffer(stream, signal)
      await buffer.fill(threshold + 1)
      if (buffer.size <= threshold) return new MemoryFile(buffer.drain())
      const path = tempPath(place.path)
      try {
        await place.ready()
      } catch (error) {
        buffer.stop()
        throw error
      }
      const size = await writeTempFile(buffer, path, false)
      return LocalFile.at(path, size)
    },
    storeBytes: (bytes) => (bytes.length <= threshold ? MemoryFile.of(bytes) : undefined),
  }
}
