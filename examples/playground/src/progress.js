/** How far uploads have come, by the id in their header: told by Formgate, asked for by the page. */

/** @type {Map<string, import('@formgate/core').Progress>} */
const uploads = new Map()

/** Uploads of which somebody may still ask. */
const kept = 100

/** @type {import('@formgate/core').ProgressListener} */
export function onProgress(progress, { headers }) {
  const id = headers['x-upload-id']
  if (typeof id !== 'string') return
  // The latest stand last.
  uploads.delete(id)
  uploads.set(id, progress)
  for (const oldest of uploads.keys()) if (uploads.size > kept) uploads.delete(oldest)
}

/** @param {string} id */
export function progressOf(id) {
  return uploads.get(id) ?? { received: 0 }
}
