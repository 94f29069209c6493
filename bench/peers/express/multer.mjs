import { createServer } from 'node:http'
import express from 'express'
import multer from 'multer'
import { found, removeLater } from '../answer.mjs'

export function serve({ storage, directory }) {
  const upload = multer(storage === 'disk' ? { dest: directory } : { storage: multer.memoryStorage() })
  const app = express()
  app.post('/', upload.any(), (req, res) => {
    res.json(found(req.body, req.files))
    if (storage === 'disk') removeLater(req.files.map(({ path }) => path))
  })
  return createServer(app)
}
