/** Checks for files in a schema, for servers and browsers alike. */
export { accept, type Accepted } from './checks/accept.js'
export { sniff } from './checks/sniff.js'
export type { FileCheck } from './checks/accept.js'
