/** What packages with storages of their own use. */
export { safeExtension, safeFileName, shownName, unsafeNameHint, withSuffix } from './storages/safe-name.js'
export { ChunkBuffer } from './bytes/chunk-buffer.js'
export { LocalFile, randomName } from './storages/temp-file.js'
export { MemoryFile } from './storages/memory.js'
export { codeOf, reportLeftover } from './storages/cleanup.js'
export { fileRules } from './schema/file-rules.js'
