/** formidable, as its README shows it. */
// @ts-nocheck -- Runs in another folder, with packages that are not installed here.
import { tmpdir } from 'node:os'
import { rm } from 'node:fs/promises'
import { formidable } from 'formidable'
import { answer, flatten, limitsOf, serve } from './serve.mjs'

serve((request, response) => void parse(request, response))

async function parse(request, response) {
  const { fileSize, fieldSize, fields: maxFields, files: maxFiles } = limitsOf(request)
  const form = formidable({
    uploadDir: tmpdir(),
    ...(fileSize !== undefined && { maxFileSize: fileSize }),
    ...(fieldSize !== undefined && { maxFieldsSize: fieldSize }),
    ...(maxFields !== undefined && { maxFields }),
    ...(maxFiles !== undefined && { maxFiles }),
  })
  try {
    const [fields, files] = await form.parse(request)
    const stored = flatten(files)
    answer(response, 200, {
      fields: flatten(fields),
      files: stored.map(([name, file]) => [name, file.originalFilename, file.size]),
    })
    for (const [, file] of stored) await rm(file.filepath, { force: true })
  } catch (error) {
    answer(response, error.httpCode ?? 400, { error: error.message })
  }
}
