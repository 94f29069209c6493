/** The setup of the three Formgate servers: defaults, with higher limits only for the bodies that need them. */
import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { disk, memory } from '../../packages/core/dist/index.mjs'
import { found } from './answer.mjs'

/** Options of `multipart()`. */
export function mountOptions({ storage, directory, limits }) {
  return {
    ...(storage === 'disk' && { storage: disk({ directory }) }),
    ...(storage === 'memory' && { storage: memory() }),
    ...(limits && { limits }),
  }
}

/**
 * The answer from `req.data` and, unless `dataOnly`, `req.files`. A promise only if files are hashed. `uncounted`: to list ten
 * thousand names takes a tenth as long as to read them.
 */
export function answer(request, { hash, dataOnly, uncounted }) {
  const { data } = request
  if (uncounted) return { hasData: data !== undefined }
  if (dataOnly) return found(data)
  const { files } = request
  const all = [].concat(...Object.values(files))
  if (hash) return hashes(all)
  const counts = found(data, all)
  counts.fields -= Object.keys(files).length
  return counts
}

async function hashes(files) {
  const digests = await Promise.all(
    files.map(async (file) => {
      const hash = createHash('sha256')
      await pipeline(file.createReadStream(), hash)
      return hash.digest('hex')
    }),
  )
  return { digests }
}
