/**
 * Compares the multipart parser with busboy alone: the same bytes in one process, in turns.
 *
 *     npm run bench:framing
 *
 * Both discard the content of files. Times are CPU times of the process, medians of many rounds.
 */
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { importSources } from './sources.mjs'

const { defaultLimits, MultiPartParser, parseMediaType } = await importSources('index', 'http/media-type')
const busboy = createRequire(new URL('../packages/core/package.json', import.meta.url))('busboy')

const boundary = '----WebKitFormBoundaryXk3nHp5CqmVYwDlz'
const header = `multipart/form-data; boundary=${boundary}`
const mediaType = parseMediaType(header)
const limits = { ...defaultLimits, fileSize: Infinity, fields: Infinity, parts: Infinity }
const parser = new MultiPartParser()

const context = {
  headers: {},
  params: {},
  encoding: 'utf-8',
  limits,
  signal: new AbortController().signal,
  partParser: () => undefined,
  storeFile(stream, info) {
    let size = 0
    stream.on('data', (chunk) => (size += chunk.length))
    return new Promise((resolve) => stream.on('end', () => resolve({ ...info, size })))
  },
}

/** Joins parts into a body, in chunks like those of a socket. */
function body(parts) {
  const whole = Buffer.concat([
    ...parts.flatMap(([disposition, content]) => [
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ])
  const chunks = []
  for (let at = 0; at < whole.length; at += 65536) chunks.push(whole.subarray(at, at + 65536))
  return chunks
}

const file = (size) => Buffer.alloc(size, 'The quick brown fox jumps over the lazy dog.\r\n')
const fields = (count) =>
  Array.from({ length: count }, (_, at) => [`name="field${at}"`, `value of the field ${at}`])

const bodies = {
  'form of 5 fields': { chunks: body(fields(5)), rounds: 3000 },
  'form of 1000 fields': { chunks: body(fields(1000)), rounds: 60 },
  '2 fields, 20 KB file': {
    chunks: body([...fields(2), ['name="f"; filename="a.png"\r\nContent-Type: image/png', file(20_000)]]),
    rounds: 2000,
  },
  '64 MB file': {
    chunks: body([['name="f"; filename="a.bin"\r\nContent-Type: application/zip', file(64 << 20)]]),
    rounds: 4,
  },
}

/** A body as a socket delivers it: one chunk for each turn of the event loop. */
class Body extends Readable {
  #chunks
  #at = 0
  constructor(chunks) {
    super({ highWaterMark: 65536 })
    this.#chunks = chunks
  }
  _read() {
    process.nextTick(() => this.push(this.#chunks[this.#at++] ?? null))
  }
}

async function throughBusboy(chunks) {
  const reader = busboy({
    headers: { 'content-type': header },
    limits: { parts: Infinity, fields: Infinity },
  })
  const entries = []
  reader.on('field', (name, value) => entries.push([name, value]))
  reader.on('file', (name, stream, info) => {
    let size = 0
    stream.on('data', (chunk) => (size += chunk.length))
    stream.on('end', () => entries.push([name, { ...info, size }]))
  })
  await finished(new Body(chunks).pipe(reader))
  return entries.length
}

async function throughFormgate(chunks) {
  const { entries } = await parser.parse(new Body(chunks), mediaType, context)
  return entries.length
}

async function cpu(parse, chunks, rounds) {
  const before = process.cpuUsage()
  for (let round = 0; round < rounds; round += 1) await parse(chunks)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / rounds
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

// busboy is slow until it has seen forms of every kind: see docs/decisions.
for (const { chunks } of Object.values(bodies)) {
  for (let round = 0; round < 20; round += 1) {
    if ((await throughBusboy(chunks)) !== (await throughFormgate(chunks)))
      throw new Error('The parsers disagree on the form.')
  }
}
console.log('body                   busboy µs   formgate µs   ratio')
for (const [name, { chunks, rounds }] of Object.entries(bodies)) {
  const times = { busboy: [], formgate: [] }
  for (let turn = 0; turn < 9; turn += 1) {
    times.busboy.push(await cpu(throughBusboy, chunks, rounds))
    times.formgate.push(await cpu(throughFormgate, chunks, rounds))
  }
  const [theirs, ours] = [median(times.busboy), median(times.formgate)]
  const columns = [name.padEnd(20), theirs.toFixed(1).padStart(11), ours.toFixed(1).padStart(13)]
  console.log(`${columns.join(' ')} ${(ours / theirs).toFixed(2).padStart(7)}`)
}
