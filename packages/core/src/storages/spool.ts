/** The default storage: small files stay in memory, large ones go to a temporary file. */
import { tmpdir } from 'node:os'
import { ChunkBuffer } from '../bytes/chunk-buffer.js'
import { MemoryFile } from './memory.js'
import type { Storage } from './storage.js'
import { LocalFile, StorageDirectory } from './temp-file.js'

/** Options of `spool()`. */
export interface SpoolOptions {
  /** The largest file that stays in memory, in bytes. Default 256 KiB. `Infinity` never writes a file. */
  readonly threshold?: number
  /** Where larger files go. Default: the temporary directory of the system. */
  readonly directory?: string
  /** See `disk()`. Default 24 hours. */
  readonly sweepAge?: number
}

/**
 * Keeps a file in memory up to a threshold. A larger one goes to a temporary file with mode 0600: `formgate-`, 128 random
 * bits and `.part`. It has this name until you move it, so that the sweep also finds one whose process was killed while
 * the handler ran. To keep a file permanently, use `moveTo()`.
 *
 * ```ts
 * multipart({ storage: spool({ threshold: 1_000_000 }) })
 * ```
 *
 * @throws TypeError for an invalid option
 */
export function spool(options: SpoolOptions = {}): Storage {
  const { threshold = 256 * 1024, directory = tmpdir(), sweepAge } = options
  if (!(threshold >= 0)) throw new TypeError(`threshold must be 0 bytes or more, not ${String(threshold)}.`)
  const place = new StorageDirectory({ directory, ...(sweepAge !== undefined && { sweepAge }) })
  return {
    name: 'spool',
    async store(stream, _info, signal) {
      const buffer = new ChunkBuffer(stream, signal)
      await buffer.fill(threshold + 1)
      if (buffer.size <= threshold) return new MemoryFile(buffer.drain(), place)
      const { path, size } = await place.write(buffer)
      return LocalFile.at(path, size)
    },
    storeBytes: (bytes) => (bytes.length <= threshold ? MemoryFile.of(bytes, place) : undefined),
  }
}
