/** formidable's options, for itself and for koa-body. It has no storage in memory, so this file adds one. */
import { Writable } from 'node:stream'

export function formidableOptions(storage, directory) {
  const raised = {
    maxFileSize: Infinity,
    maxTotalFileSize: Infinity,
    maxFieldsSize: Infinity,
    maxFields: Infinity,
  }
  if (storage === 'disk') return { ...raised, uploadDir: directory }
  return { ...raised, fileWriteStreamHandler: () => new Memory() }
}

class Memory extends Writable {
  chunks = []
  _write(chunk, _encoding, callback) {
    this.chunks.push(chunk)
    callback()
  }
}
