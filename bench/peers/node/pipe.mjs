/** The lower bound for writing: pipes the whole body to the disk, unparsed. */
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { drained, removeLater } from '../answer.mjs'

export function serve({ directory }) {
  return createServer((req, res) => {
    const path = join(directory, randomUUID())
    req.pipe(createWriteStream(path)).on('finish', () => {
      res.end(JSON.stringify(drained))
      removeLater([path])
    })
  })
}
