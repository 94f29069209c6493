/** Formgate on Express. */
import { FileUploadParser, MultiPartParser, multipart, parsers, problems } from '@formgate/express'
import express from 'express'
import { large, tiny } from './limits.js'

export function createExpressApp() {
  const app = express()

  // What a route sets for itself acts while the body arrives, so these stand above multipart(), which reads it.
  app.put('/raw/:filename', parsers([FileUploadParser], { limits: large }), echo)
  app.post('/tiny', parsers([MultiPartParser], { limits: tiny }), echo)

  app.use(multipart())
  app.post('/echo', echo)

  app.use(problems())
  return app
}

/**
 * @param {import('express').Request} req
 * @param {import('express').Response} res
 */
function echo(req, res) {
  res.json({ data: req.data, files: req.files })
}
