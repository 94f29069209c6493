import { EventEmitter } from 'node:events'
import { IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { createBodyParser, memory } from '@formgate/core'
import { expect, test } from 'vitest'

const MiB = 1024 * 1024
const boundary = '----WebKitFormBoundary0123456789abcdef'
const field = 'Content-Disposition: form-data; name="a"'
/** As far as the limits of parts and lines go; the size of a header stays. */
const limits = { parts: 1e6, fields: 1e6, fieldSize: 1e9, fieldsSize: 1e9, fileSize: 1e9, headerLines: 1e6 }

function flood(header: string, unit: string, mark = boundary): string {
  return `--${mark}\r\n${header}\r\n\r\nz${unit.repeat((2 * MiB) / unit.length)}z\r\n--${mark}--\r\n`
}

function parts(count: number, header: string): string {
  return `${`--${boundary}\r\n${header}\r\n\r\n\r\n`.repeat(count)}--${boundary}--\r\n`
}

const dashes = '-'.repeat(200)

const bodies: readonly [what: string, body: string, boundary?: string][] = [
  ...[field, `${field}; filename="b.txt"`].flatMap((header): [string, string, string?][] => {
    const kind = header === field ? 'a field' : 'a file'
    return [
      [`${kind} of CRLFs`, flood(header, '\r\n')],
      [`${kind} of CRs`, flood(header, '\r')],
      [`${kind} of almost-boundaries`, flood(header, `\r\n--${boundary.slice(0, -1)}`)],
      [`${kind} of boundaries with something behind them`, flood(header, `\r\n--${boundary}x`)],
      [`${kind} of boundaries in mid-line`, flood(header, `--${boundary}`)],
      [
        `${kind} of boundaries with 16,000 spaces behind them`,
        flood(header, `\r\n--${boundary}${' '.repeat(16_000)}x`),
      ],
      [`${kind} of dashes under a boundary of dashes`, flood(header, '-', dashes), dashes],
    ]
  }),
  ['100,000 empty fields', parts(100_000, field)],
  ['20,000 inputs in which no file was chosen', parts(20_000, `${field}; filename=""`)],
  ['200 headers of 16 KiB: one line', parts(200, `${field}\r\nX: ${'x'.repeat(16_000)}`)],
  ['200 headers of 16 KiB: 4,000 lines', parts(200, `${field}\r\n${'X:\r\n'.repeat(4000)}X:`)],
  ['200 headers of 16 KiB: escaped quotes', parts(200, `${field}; x="${'\\"'.repeat(8000)}"`)],
  [
    '200 headers of 16 KiB: escaped quotes and semicolons',
    parts(200, `${field}; x="${'\\";'.repeat(5300)}"`),
  ],
  ['200 headers of 16 KiB: spaces', parts(200, `${field}; x=${' '.repeat(16_000)}y`)],
  ['200 headers of 16 KiB: semicolons', parts(200, `${field}${';'.repeat(16_000)}`)],
  [
    '200 delimiters with 16,000 spaces',
    `${`--${boundary}${' '.repeat(16_000)}\r\n${field}\r\n\r\n\r\n`.repeat(200)}--${boundary}--`,
  ],
  ['an epilogue of delimiters', `--${boundary}--${`\r\n--${boundary}`.repeat(100_000)}`],
]

/** Milliseconds of processor time for one reading, in pieces as they come from a socket. */
async function cost(body: Buffer, mark: string): Promise<number> {
  const request = new IncomingMessage(new Socket())
  request.headers = {
    'content-type': `multipart/form-data; boundary="${mark}"`,
    'content-length': String(body.length),
  }
  const response = Object.assign(new EventEmitter(), { writableFinished: false, destroyed: false })
  const start = process.cpuUsage()
  const result = createBodyParser({ limits, storage: memory() })(
    request,
    response as unknown as ServerResponse,
  )
  for (let at = 0; at < body.length; at += 64 * 1024) {
    request.push(body.subarray(at, at + 64 * 1024))
    await setImmediate()
  }
  request.complete = true
  request.push(null)
  await result
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

test.each(bodies)('%s: at most 100 ms of processor time per MB', async (_what, text, mark = boundary) => {
  const body = Buffer.from(text, 'latin1')
  // The first reading warms the code up.
  const costs = [await cost(body, mark), await cost(body, mark)]
  expect(Math.min(...costs) / (body.length / MiB)).toBeLessThan(100)
})
