/** Checks for files in a schema, in browsers and on servers. */
export { accept, type Accepted, type FileCheck } from './checks/accept.js'
export { sniff } from './checks/sniff.js'
