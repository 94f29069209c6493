import { type Storage } from '@formgate/core'
import { describe, expect, it } from 'vitest'
import { field, file, multipartX } from './client.js'
import { inProcess, singleBytes } from './in-process.js'

const declining: Storage = { store: async () => undefined }

const json = 'application/json'

/** Bodies with two faults: the first one is answered. */
const cases = [
  {
    what: 'a malformed part before the limit',
    options: { limits: { bodySize: 60 } },
    type: multipartX,
    body: `--X\r\nno colon\r\n\r\n1\r\n--X--\r\n${'epilogue'.repeat(20)}`,
    code: 'MALFORMED_PART',
  },
  {
    what: 'a malformed part after the limit',
    options: { limits: { bodySize: 60 } },
    type: multipartX,
    body: `--X\r\n${field('a')}\r\n\r\n${'1'.repeat(60)}\r\n--X\r\nno colon\r\n\r\n1\r\n--X--\r\n`,
    code: 'LIMIT_BODY_SIZE',
  },
  {
    what: 'a JSON text over the limit that is malformed at its start',
    options: { limits: { textSize: 20 } },
    type: json,
    body: `{a:1}${' '.repeat(40)}`,
    code: 'LIMIT_BODY_SIZE',
  },
  {
    what: 'a file that no storage takes before a body that is cut',
    options: { storage: declining },
    type: multipartX,
    body: `--X\r\n${file('f', 'a.txt')}\r\n\r\nhello\r\n--X\r\n${field('b')}\r\n\r\n1`,
    code: 'UNHANDLED_FILE',
  },
  {
    what: 'a file that no storage takes before a malformed part',
    options: { storage: declining },
    type: multipartX,
    body: `--X\r\n${file('f', 'a.txt')}\r\n\r\nhello\r\n--X\r\nno colon\r\n\r\n1\r\n--X--\r\n`,
    code: 'UNHANDLED_FILE',
  },
  {
    what: 'a malformed part before a file that no storage takes',
    options: { storage: declining },
    type: multipartX,
    body: `--X\r\nno colon\r\n\r\n1\r\n--X\r\n${file('f', 'a.txt')}\r\n\r\nhello\r\n--X--\r\n`,
    code: 'MALFORMED_PART',
  },
]

describe.each(cases)('a body with $what', ({ options, type, body, code }) => {
  const ask = inProcess(options)
  const bytes = Buffer.from(body)

  it(`is answered with ${code}, cut in two at every place or byte by byte`, async () => {
    const whole = await ask({ 'content-type': type }, [bytes])
    expect(whole.json).toMatchObject({ code })
    expect(await ask({ 'content-type': type }, singleBytes(bytes))).toEqual(whole)
    for (let at = 1; at < bytes.length; at += 1) {
      const halves = [bytes.subarray(0, at), bytes.subarray(at)]
      expect([at, await ask({ 'content-type': type }, halves)]).toEqual([at, whole])
    }
  })
})
