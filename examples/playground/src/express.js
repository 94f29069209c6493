/** Formgate on Express. */
import { FileUploadParser, form, MultiPartParser, multipart, parsers, problems } from '@formgate/express'
import express from 'express'
import { SignUp } from '../public/sign-up-schema.js'
import { large, tiny } from './limits.js'
import { onProgress } from './progress.js'

export function createExpressApp() {
  const app = express()

  // Routes with options of their own go above multipart(), which would read the body first.
  app.put('/raw/:filename', parsers([FileUploadParser], { limits: large, onProgress }), echo)
  app.post('/tiny', parsers([MultiPartParser], { limits: tiny }), echo)
  app.post('/sign-up', form(SignUp), (req, res) => {
    const { username, age = null, topics, portrait, address } = req.data
    res.status(201).json({ username, age, topics, portrait, city: address.city })
  })

  app.use(multipart({ onProgress }))
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
