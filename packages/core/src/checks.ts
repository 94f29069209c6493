/** Checks of files for schemas. They run in Node and in browsers. */
export { accept, type Accepted, type FileCheck } from './checks/accept.js'
export { sniff } from './checks/sniff.js'
