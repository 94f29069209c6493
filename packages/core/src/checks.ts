/** Checks for files in a schema, for servers and browsers alike. */
export { accept, type Accepted } from './validation/accept.js'
export { sniff } from './validation/sniff.js'
export type { FileCheck } from './validation/file-check.js'
