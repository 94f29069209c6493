/** The storage that streams every file to a bucket. */
import { setMaxListeners } from 'node:events'
import type { Readable } from 'node:stream'
import type { FileInfo, Storage } from '@formgate/core'
import { ChunkBuffer, reportLeftover } from '@formgate/core/storage'
import { NewObject } from './new-object.js'
import { openObject } from './s3-file.js'
import type { S3File } from './s3-file.js'
import { resolveOptions } from './s3-options.js'
import type { S3Options, S3Settings } from './s3-options.js'

/** A storage whose files are objects in a bucket. */
export interface S3Storage extends Storage {
  store(stream: Readable, info: FileInfo, signal: AbortSignal): Promise<S3File>
  /**
   * What is stored under a key, by whichever process.
   *
   * @returns `undefined` where nothing is, for a key without the prefix, and for one with a segment `.` or `..`, which a
   * store or a proxy might take for a way out of the prefix
   * @throws S3StorageError where the store does not say
   */
  open(key: string): Promise<S3File | undefined>
}

/**
 * Streams every file to a bucket: a small one by one PutObject, a larger one in parts of which a few are on their way
 * at once. The bytes are never all in memory, and never on the disk of this machine.
 *
 * Nothing is left behind by a file that fails, whether for the client, the store or another file of its request. Only
 * a process that is killed leaves parts: let a lifecycle rule of the bucket clear them away.
 *
 * @throws TypeError for an option that no store takes
 */
export function s3(options: S3Options): S3Storage {
  const settings = resolveOptions(options)
  return {
    name: 's3',
    async store(stream, info, signal) {
      const stop = new AbortController()
      // One listener per part that is on its way, and more inside of the client.
      setMaxListeners(0, stop.signal)
      const abort = (): void => stop.abort(signal.reason)
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort)
      const intake = new ChunkBuffer(stream, stop.signal)
      try {
        const file = await send(settings, info, intake, stop)
        if (!signal.aborted) return file
        await file.remove().catch(reportLeftover)
        throw signal.reason
      } catch (error) {
        intake.stop()
        throw signal.aborted ? signal.reason : error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
    async open(key) {
      const isInside = key.startsWith(settings.prefix) && !/(?:^|[\\/])\.{1,2}(?:[\\/]|$)/.test(key)
      return isInside ? openObject(settings, key) : undefined
    },
  }
}

async function send(
  settings: S3Settings,
  info: FileInfo,
  intake: ChunkBuffer,
  stop: AbortController,
): Promise<S3File> {
  const partSize = settings.partSizeOf(info)
  const object = await NewObject.named(settings, info)
  await intake.fill(partSize + 1)
  if (intake.size > partSize) return object.putParts(intake, partSize, stop)
  return object.putWhole(Buffer.concat(intake.drain()))
}
