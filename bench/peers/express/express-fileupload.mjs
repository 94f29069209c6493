import { createServer } from 'node:http'
import express from 'express'
import fileUpload from 'express-fileupload'
import { found, removeLater } from '../answer.mjs'

export function serve({ storage, directory }) {
  const app = express()
  app.use(fileUpload(storage === 'disk' ? { useTempFiles: true, tempFileDir: directory } : {}))
  app.post('/', (req, res) => {
    const files = Object.values(req.files ?? {}).flat()
    res.json(found(req.body, files))
    if (storage === 'disk') removeLater(files.map(({ tempFilePath }) => tempFilePath))
  })
  return createServer(app)
}
