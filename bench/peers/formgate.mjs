/** How the three Formgate servers are set up: as a user gets it, with limits raised only where a body needs it. */
import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { disk, memory } from '../../packages/core/dist/index.js'
import { found } from './answer.mjs'

/** Options of `multipart()`. In memory means the default storage for all that it keeps in memory. */
export function mountOptions({ storage, directory, limits }) {
  return {
    ...(storage === 'disk' && { storage: disk({ directory }) }),
    ...(storage === 'memory' && { storage: memory() }),
    ...(limits && { limits }),
  }
}

/** The answer, from `req.data` and, unless it is about data only, `req.files`; a promise of it only where the files are hashed. */
export function answer(request, { hash, dataOnly }) {
  const { data } = request
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
