/** A storage engine of multer as a storage of Formgate. */
import { resolve } from 'node:path'
import { finished, PassThrough, type Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { ByteRange, Storage, StoredFile } from '@formgate/core'
import { codeOf, LocalFile, MemoryFile } from '@formgate/core/storage'

/** An engine such as `multer.diskStorage()` or `multerS3()`. */
export interface MulterEngine {
  _handleFile(request: object, file: object, callback: (error?: unknown, facts?: object) => void): void
  _removeFile(request: object, file: object, callback: (error: Error | null) => void): void
}

/** A file with what multer sets as `req.file`: `originalname`, `mimetype`, and what the engine adds, such as `key`. */
export type MulterFile = StoredFile & { readonly multer: Readonly<Record<string, unknown>> }

/**
 * Stores files with an engine of multer. If a file fails, the engine sees its end early and then removes what it has stored,
 * since an engine may not notice an error.
 *
 * @param open reads a file that the engine keeps neither under `path` nor in `buffer`, such as an object in a bucket
 */
export function fromMulter(
  engine: MulterEngine,
  open?: (multer: MulterFile['multer'], range?: ByteRange) => Readable,
): Storage<MulterFile> {
  const handle = promisify(engine._handleFile.bind(engine))
  const removeFile = promisify(engine._removeFile.bind(engine))
  return {
    name: engine.constructor.name,
    async store(stream, { field, name, type, request }, signal) {
      signal.throwIfAborted()
      const body = new PassThrough().on('error', () => undefined)
      const multer: Record<string, unknown> = {
        fieldname: field,
        originalname: name,
        encoding: '7bit',
        mimetype: type,
      }
      Object.defineProperty(multer, 'stream', { value: body })
      // A copy: engines delete properties, and a file may be removed twice.
      const remove = async (): Promise<void> => {
        await removeFile(request, { ...multer }).catch((error: unknown) => {
          if (codeOf(error) !== 'ENOENT') throw error
        })
      }
      const failure = new AbortController()
      const fail = (error?: unknown): void => {
        if (error) failure.abort(error)
        stream.unpipe(body)
        body.end()
      }
      const abort = (): void => fail(signal.reason)
      signal.addEventListener('abort', abort)
      finished(stream, { writable: false }, fail)
      let received = 0
      stream.on('data', (chunk: Buffer) => (received += chunk.length)).pipe(body)
      try {
        Object.assign(multer, await handle(request, multer))
        failure.signal.throwIfAborted()
      } catch (error) {
        await remove().catch(() => undefined)
        throw failure.signal.aborted ? failure.signal.reason : error
      } finally {
        signal.removeEventListener('abort', abort)
        stream.unpipe(body)
      }
      const { path, buffer } = multer
      // multer-s3 says 0 for a file in parts.
      const size = Number(multer['size']) || received
      const createReadStream = (range?: ByteRange): Readable => {
        if (open) return open(multer, range)
        throw new Error('Pass a function that reads the files of this engine: fromMulter(engine, open).')
      }
      const stored: StoredFile = Buffer.isBuffer(buffer)
        ? new MemoryFile([buffer])
        : typeof path === 'string' && !path.includes('://')
          ? await LocalFile.at(resolve(path), size)
          : { size, createReadStream, remove }
      return Object.assign(stored, { multer, remove })
    },
  }
}
