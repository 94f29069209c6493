/** The progress of uploads by the id in their header, for the page to poll. */

/** @type {Map<string, import('@formgate/core').Progress>} */
const uploads = new Map()

/** The number of uploads that are remembered. */
const kept = 100

/** @type {import('@formgate/core').ProgressListener} */
export function onProgress(progress, { headers }) {
  const id = headers['x-upload-id']
  if (typeof id !== 'string') return
  // A Map keeps insertion order: the latest go last.
  uploads.delete(id)
  uploads.set(id, progress)
  for (const oldest of uploads.keys()) if (uploads.size > kept) uploads.delete(oldest)
}

/** @param {string} id */
export function progressOf(id) {
  return uploads.get(id) ?? { received: 0 }
}
