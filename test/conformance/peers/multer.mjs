/** multer under Express. */
// @ts-nocheck -- Runs in another folder, with packages that are not installed here.
import express from 'express'
import multer from 'multer'
import { answer, flatten, limitsOf, serve } from './serve.mjs'

const app = express()
app.post('/', (request, response, next) => {
  multer({ limits: limitsOf(request) }).any()(request, response, next)
})
app.post('/', (request, response) => {
  const files = (request.files ?? []).map(({ fieldname, originalname, size }) => [
    fieldname,
    originalname,
    size,
  ])
  answer(response, 200, { fields: flatten(request.body ?? {}), files })
})
// The status is the one that Express itself would send.
app.use((error, _request, response, _next) => {
  answer(response, error.status ?? error.statusCode ?? 500, { error: error.message })
})
serve(app)
