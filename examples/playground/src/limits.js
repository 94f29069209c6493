/** Limits of single routes. */

/** Large enough to watch a progress bar. */
export const large = { fileSize: 1024 ** 3, bodySize: 1024 ** 3 }

/** Small enough to exceed on purpose. */
export const tiny = { fileSize: 64 * 1024, files: 1, fieldSize: 256 }
