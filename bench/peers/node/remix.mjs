/** The multipart parser of Remix on node:http. */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { parseMultipartRequest } from '@remix-run/multipart-parser/node'
import { found, removeLater } from '../answer.mjs'

const limits = { maxFileSize: Infinity, maxTotalSize: Infinity, maxParts: Infinity }

export function serve({ storage, directory }) {
  return createServer(async (req, res) => {
    const fields = {}
    const files = []
    const paths = []
    for await (const part of parseMultipartRequest(req, limits)) {
      if (!part.isFile) fields[part.name] = part.text
      else {
        const { bytes } = part
        files.push({ size: bytes.length })
        if (storage !== 'disk') continue
        paths.push(join(directory, randomUUID()))
        await writeFile(paths.at(-1), bytes)
      }
    }
    removeLater(paths)
    res.end(JSON.stringify(found(fields, files)))
  })
}
