import { createServer } from 'node:http'
import express from 'express'
import formidable from 'formidable'
import { found, removeLater } from '../answer.mjs'
import { formidableOptions } from '../formidable-options.mjs'

export function serve({ storage, directory }) {
  const app = express()
  app.post('/', async (req, res) => {
    const [fields, files] = await formidable(formidableOptions(storage, directory)).parse(req)
    const all = Object.values(files).flat()
    res.json(found(fields, all))
    if (storage === 'disk') removeLater(all.map(({ filepath }) => filepath))
  })
  return createServer(app)
}
