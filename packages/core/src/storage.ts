/** What a storage that lives outside of core is made of. */
export { safeExtension, safeFileName, withSuffix } from './storages/safe-name.js'
export { ChunkBuffer } from './bytes/chunk-buffer.js'
export { randomName } from './storages/temp-file.js'
export { reportLeftover } from './storages/cleanup.js'
