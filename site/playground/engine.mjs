/** The core of Formgate, run on bytes in the browser: the parser, the schema and the answers are those of a server. */
import { IncomingMessage, EventEmitter, Socket } from './node.mjs'
import * as z from 'zod'
import { accept, BodyError, defaultLimits, memory, sniff } from '../../packages/core/src/index.ts'
import { formStep, mountStep, openBody } from '../../packages/core/src/adapter.ts'
import { parseMediaType } from '../../packages/core/src/http/media-type.ts'
import { PartReader } from '../../packages/core/src/parsers/multipart/part-reader.ts'

/**
 * @typedef {object} Outcome
 * @property {{ name: string, filename?: string, type?: string, size: number, text: string }[]} parts as far as they were read
 * @property {number} status
 * @property {unknown} body the problem, or `{ data, files }`
 */

/**
 * @param {Uint8Array} bytes
 * @param {string} contentType
 * @param {string} schema an expression in zod; empty for `multipart()`
 * @returns {Promise<Outcome>}
 * @throws what the expression throws
 */
export async function send(bytes, contentType, schema) {
  const type = schemaOf(schema)
  const options = { storage: memory() }
  const step = type === undefined ? mountStep(options) : formStep(type, options)
  const parts = await readParts(Buffer.from(bytes), contentType)
  const request = requestOf(Buffer.from(bytes), contentType)
  const target = {}
  const body = openBody(browser, request, responseOf(), target)
  try {
    await body.run(step)
    // As a server sends it.
    return { parts, status: 200, body: JSON.parse(JSON.stringify({ data: body.data, files: body.files })) }
  } catch (error) {
    const reaction = await body.react(error)
    if (reaction.kind !== 'answer') throw error
    return { parts, status: reaction.status, body: JSON.parse(String(reaction.body)) }
  }
}

/** In place of a framework. */
const browser = { name: 'browser', route: () => undefined, params: () => undefined }

/** @param {string} source */
function schemaOf(source) {
  if (source.trim() === '') return undefined
  // The text is the visitor's own, and runs in the visitor's page.
  return new Function('z', 'accept', 'sniff', `return (${source}\n)`)(z, accept, sniff)
}

/** The parts of a multipart body up to its first mistake. */
async function readParts(bytes, contentType) {
  const mediaType = parseMediaType(contentType)
  if (mediaType?.type !== 'multipart') return []
  const parts = []
  const add = (name, filename, type, content) =>
    parts.push({
      name,
      filename,
      type,
      size: content.length,
      text: new TextDecoder().decode(content.subarray(0, 200)),
    })
  const receiver = {
    field: (_, header, content) =>
      add(header.name, undefined, header.mediaType?.source, Buffer.from(content.toBuffer())),
    async stream(_, info, stream) {
      const chunks = []
      for await (const chunk of stream) chunks.push(chunk)
      add(info.field, info.name, info.type, Buffer.concat(chunks))
    },
  }
  try {
    await new PartReader({ limits: defaultLimits, request: {} }, receiver).read(bytes, mediaType, 'utf-8')
  } catch (error) {
    // The answer has the mistake.
    if (!(error instanceof BodyError)) throw error
  }
  return parts
}

function requestOf(bytes, contentType) {
  const request = new IncomingMessage()
  request.headers = { 'content-length': String(bytes.length) }
  if (contentType !== '') request.headers['content-type'] = contentType
  request.httpVersionMajor = 1
  request.socket = new Socket()
  request.complete = true
  request.push(bytes)
  request.push(null)
  return request
}

function responseOf() {
  return Object.assign(new EventEmitter(), {
    writableFinished: false,
    writableEnded: false,
    destroyed: false,
    headersSent: false,
  })
}
