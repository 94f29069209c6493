/** What packages with storages of their own use. */
export { safeExtension, safeFileName, shownName, unsafeNameHint, withSuffix } from './storages/safe-name.js'
export { ChunkBuffer } from './bytes/chunk-buffer.js'
export { randomName } from './storages/temp-file.js'
export { reportLeftover } from './storages/cleanup.js'
export { fileRules } from './schema/file-rules.js'
