/** Compares the cost of hostile bodies with that of an ordinary one: no byte may cost much more than another. */
import { EventEmitter } from 'node:events'
import { IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  BaseParser,
  BodyError,
  createBodyParser,
  memory,
  PlainTextParser,
  FormParser,
  JSONParser,
  MultiPartParser,
} from '@formgate/core'
import { expect, test } from 'vitest'

const KiB = 1024
const MiB = 1024 * KiB

const multipart = 'multipart/form-data; boundary=X'
const json = 'application/json'
const form = 'application/x-www-form-urlencoded'
const field = 'Content-Disposition: form-data; name="a"'
const file = `${field}; filename="a.txt"`
/** Bytes that fit into the header of one part. */
const header = 16 * KiB - 200

function parts(count: number, head: string, content = ''): string {
  return `${`--X\r\n${head}\r\n\r\n${content}\r\n`.repeat(count)}--X--\r\n`
}

function filled(size: number, unit: (at: number) => string): string {
  let text = ''
  for (let at = 0; ; at += 1) {
    const next = unit(at)
    if (text.length + next.length > size) return text
    text += next
  }
}

function run(unit: string, size = MiB - 100): string {
  return unit.repeat(size / unit.length)
}

/** Text on which guessing the format of a body once took seconds. */
const gap = `${' '.repeat(195)}&`
const dashes = `${'-'.repeat(150)}=${' '.repeat(873)}`

const bodies: readonly [what: string, type: string, body: string][] = [
  ['100 form parts of dashes and spaces', multipart, parts(100, `${field}\r\nContent-Type: ${form}`, dashes)],
  [
    '1000 form parts of dashes and gaps',
    multipart,
    parts(1000, `${field}\r\nContent-Type: ${form}`, `${'-'.repeat(150)}&${gap.repeat(4)}`),
  ],
  ['dashes and spaces as JSON', json, '-'.repeat(200) + ' '.repeat(823)],
  ['dashes and spaces as a form', form, '-'.repeat(150) + ' '.repeat(873)],
  ['dashes and spaces without a boundary', 'multipart/form-data', '-'.repeat(200) + ' '.repeat(823)],
  ['dashes and spaces under another boundary', multipart, '-'.repeat(200) + ' '.repeat(823)],
  [
    'parameters of a disposition',
    multipart,
    parts(100, field + filled(header, (at) => `;p${at.toString(36)}=`)),
  ],
  [
    'parameters of a disposition that are not ASCII',
    multipart,
    parts(100, field + filled(header, (at) => `;p${at.toString(36)}=\xe9`)),
  ],
  [
    'parameters of a media type',
    multipart,
    parts(100, `${field}\r\nContent-Type: text/plain${run(';a=""', header)}`),
  ],
  [
    '1000 parts in shift_jis',
    multipart,
    parts(1000, `${field}\r\nContent-Type: text/plain; charset=shift_jis`, '\x81\x40'),
  ],
  ['1000 JSON parts', multipart, parts(1000, `${field}\r\nContent-Type: ${json}`, '0')],
  ['1000 form parts', multipart, parts(1000, `${field}\r\nContent-Type: ${form}`, 'a=b&c=d')],
  ...['\n--X', '\r\n--Xa', '\r\n--X-a', '\r\n--X\ta', '\r\n--X\ra', '--X', '\r\n--X -'].flatMap(
    (unit): [string, string, string][] => [
      [`a field of ${JSON.stringify(unit)}`, multipart, parts(1, field, run(unit))],
      [`a file of ${JSON.stringify(unit)}`, multipart, parts(1, file, run(unit))],
    ],
  ),
  ['%ff in a form', form, `a=${run('%ff')}`],
  ['% in a form', form, `a=${run('%')}`],
  ['%zz in a form', form, `a=${run('%zz')}`],
  ['ampersands', form, run('&')],
  ['pluses', form, `a=${run('+')}`],
  ['1000 fields that are not UTF-8', form, filled(10 * KiB, (at) => `%ff${at.toString(36)}=%ff&`)],
  ...['[', '{"":', '[[],', '"', ' ', '\n', '[\n', '1', '\\n', '"a\\n', '-', 'e'].map(
    (unit): [string, string, string] => [`JSON of ${JSON.stringify(unit)}`, json, run(unit)],
  ),
  ...['\\n', 'a\\n', '\x7f', 'a\x7f', '\\u0041', '\\'].map((unit): [string, string, string] => [
    `a JSON string of ${JSON.stringify(unit)} without end`,
    json,
    `"${run(unit)}`,
  ]),
  ['a JSON list with a fault at its end', json, `[${run('0,')}]`],
]

const parse = createBodyParser({ storage: memory() })

/** Reads a body in chunks as from a socket. @returns milliseconds of processor time */
async function cost(type: string, body: Buffer): Promise<number> {
  const start = process.cpuUsage()
  await read(parse, type, body).catch((error: unknown) => {
    if (!(error instanceof BodyError) || error.status >= 500) throw error
  })
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

async function read(
  parser: ReturnType<typeof createBodyParser>,
  type: string,
  body: Buffer,
): Promise<unknown> {
  const request = new IncomingMessage(new Socket())
  request.headers = { 'content-type': type, 'content-length': String(body.length) }
  const response = Object.assign(new EventEmitter(), { writableFinished: false, destroyed: false })
  const result = parser(request, response as unknown as ServerResponse)
  result.catch(() => undefined)
  for (let at = 0; at < body.length; at += 64 * KiB) {
    request.push(body.subarray(at, at + 64 * KiB))
    await nextTurn()
  }
  request.complete = true
  request.push(null)
  return (await result).data
}

const record = '{"id":12345,"name":"a name","tags":["one","two"],"price":1.25},'
const ordinary = Buffer.from(`[${run(record, 256 * KiB)}{}]`)

/** The least of several readings: the first ones compile the code, and other load on the machine only adds. */
async function leastCost(type: string, body: Buffer, readings: number): Promise<number> {
  let least = Infinity
  for (let reading = 0; reading < readings; reading += 1) least = Math.min(least, await cost(type, body))
  return least
}

test.each(bodies)(
  '%s: no byte costs much more than one of an ordinary JSON body',
  { timeout: 60_000 },
  async (_what, type, text) => {
    const body = Buffer.from(text, 'latin1')
    const perByte = (await leastCost(json, ordinary, 4)) / ordinary.length
    // 50 ms for the request itself and up to 1000 parts.
    expect(await leastCost(type, body, 4)).toBeLessThan(50 + 10 * perByte * body.length)
  },
)

/** Takes 2 ms. */
class SlowParser extends BaseParser {
  readonly mediaType = 'text/slow'

  parse(): string {
    const end = performance.now() + 2
    while (performance.now() < end);
    return 'done'
  }
}

test('other requests get a turn while the parts of a form are parsed', async () => {
  const parser = createBodyParser({ parsers: [MultiPartParser, SlowParser] })
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  const body = Buffer.from(parts(50, `${field}\r\nContent-Type: text/slow`, 'x'))
  const result = read(parser, multipart, body)
  count()
  const { a } = (await result) as { a: string[] }
  isOver = true
  expect(a).toHaveLength(50)
  // Without turns in between, another request would wait for 100 ms of parsing.
  expect(turns).toBeGreaterThan(10)
})

test('parts of a form are parsed without a stream if their parser accepts bytes', async () => {
  class CountedParser extends JSONParser {
    streams = 0
    buffers = 0

    override parse(...args: Parameters<JSONParser['parse']>): Promise<unknown> {
      this.streams += 1
      return super.parse(...args)
    }

    override parseBytes(...args: Parameters<JSONParser['parseBytes']>): unknown {
      this.buffers += 1
      return super.parseBytes(...args)
    }
  }
  const counted = new CountedParser()
  const parser = createBodyParser({ parsers: [MultiPartParser, counted, FormParser, PlainTextParser] })
  const body = Buffer.from(parts(3, `${field}\r\nContent-Type: ${json}`, '{"b":1}'))
  expect(await read(parser, multipart, body)).toEqual({ a: [{ b: 1 }, { b: 1 }, { b: 1 }] })
  expect(counted).toMatchObject({ streams: 0, buffers: 3 })
})
