/** busboy alone, as its README shows it. */
// @ts-nocheck -- Runs in another folder, with packages that are not installed here.
import busboy from 'busboy'
import { answer, limitsOf, serve } from './serve.mjs'

serve((request, response) => {
  /** @type {unknown[]} */
  const fields = []
  /** @type {unknown[]} */
  const files = []
  try {
    const parser = busboy({ headers: request.headers, limits: limitsOf(request) })
    parser.on('field', (name, value) => fields.push([name, value]))
    parser.on('file', (name, stream, { filename }) => {
      /** @type {[string, string, number]} */
      const file = [name, filename, 0]
      files.push(file)
      stream.on('error', () => undefined)
      stream.on('data', (chunk) => (file[2] += chunk.length))
    })
    parser.on('error', (error) => answer(response, 500, { error: /** @type {Error} */ (error).message }))
    parser.on('close', () => answer(response, 200, { fields, files }))
    request.pipe(parser)
  } catch (error) {
    answer(response, 500, { error: /** @type {Error} */ (error).message })
  }
})
