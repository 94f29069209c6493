/** The echo app on Express. */
import {
  FileUploadParser,
  JSONParser,
  PlainTextParser,
  multipart,
  parsers,
  problems,
  type FilesByField,
} from '@formgate/express'
import express, { type Express, type Response } from 'express'
import { CsvParser } from './csv-parser.js'
import { echo, legacyForms, mountOptions, pages } from './echo.js'

export function createExpressApp(directory: string): Express {
  const app = express()
  for (const [path, { type, bytes }] of Object.entries(pages)) {
    app.get(path, (_req, res) => void res.set('Content-Type', type).end(bytes))
  }
  app.post('/latin1', parsers([legacyForms]), answer)

  app.use(multipart(mountOptions(directory)))
  app.post('/echo', answer)
  app.post('/json', parsers([JSONParser]), answer)
  app.post('/csv', parsers([CsvParser]), answer)
  app.post('/text', parsers([PlainTextParser]), answer)
  app.post('/raw', parsers([FileUploadParser]), answer)
  app.put('/raw/:filename', parsers([FileUploadParser]), answer)
  app.use(problems())
  return app
}

async function answer(req: { data: unknown; files: FilesByField }, res: Response): Promise<void> {
  res.json(await echo(req))
}
