/** What a storage that lives outside of core is made of. */
export { safeExtension, safeFileName, withSuffix } from './files/file-name.js'
export { Intake } from './bytes/chunk-buffer.js'
export { randomName } from './files/part-file.js'
export { reportLeftover } from './files/report-leftover.js'
