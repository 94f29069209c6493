import { s3 } from '../../../packages/s3/dist/index.mjs'

/** Prepares an upload of a stream. @returns what starts it, and then what removes it */
export function prepare(bucket, stream) {
  const storage = s3({ bucket, config: { forcePathStyle: true } })
  return async () => {
    const info = { field: 'video', originalName: 'video.mp4', type: 'video/mp4' }
    const file = await storage.store(stream, info, new AbortController().signal)
    return () => file.remove()
  }
}
