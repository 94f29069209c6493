/** Advisories of busboy, @fastify/busboy, multiparty and formidable. */
import { readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { disk, memory, spool, type Storage } from '@formgate/core'
import { describe, expect, test } from 'vitest'
import {
  chunk,
  Connection,
  exchange,
  expectInStep,
  field,
  file,
  form,
  head,
  lastChunk,
  multipartX,
  type Answer,
  type Sent,
} from '../adapters/client.js'
import { frameworks, type App } from '../adapters/frameworks.js'
import { expectAlive, expectBounded, expectEmpty, newDirectory, serve } from './server.js'

const multipart = (body: string): Sent => ({ type: multipartX, body })

/** Sends a body in two chunks, with a pause in which the server can read the first. */
async function inTwo({ port }: App, type: string, first: string, second: string, pause = 0): Promise<Answer> {
  const connection = await Connection.open(port)
  connection.write(head({ type, framing: 'chunked' }))
  if (first !== '') connection.write(chunk(first))
  await delay(pause)
  connection.write(second === '' ? lastChunk : Buffer.concat([chunk(second), Buffer.from(lastChunk)]))
  const answer = await connection.answer()
  await expectInStep(connection, answer)
  connection.destroy()
  return answer
}

describe.each(frameworks)('$name', (framework) => {
  const start = (storage: Storage = memory(), limits = {}) =>
    serve(framework, { mount: { storage, limits }, routes: [{ path: '/' }] })

  test.each([
    ['the first line', ` ${field('a')}`],
    ['the first line, with a tab', `\t${field('a')}`],
    ['the only line', ' '],
    ['a line after the name', `${field('a')}\r\n : x`],
    ['a line with a name of spaces', `${field('a')}\r\n  : x`],
  ])(
    'busboy and dicer CVE-2022-24434: %s of a header that starts with a space is a 400, and the process lives',
    async (_, header) => {
      const app = await start()
      const body = `--X\r\n${header}\r\n\r\nbody\r\n--X--\r\n`
      for (const cut of ['whole', 'byte by byte'] as const) {
        const { json } = await exchange(app.port, multipart(body), cut)
        expect(json).toMatchObject({ status: 400, code: 'MALFORMED_PART' })
      }
      await expectAlive(app)
    },
  )

  test('busboy and dicer CVE-2022-24434: the body of the advisory, byte for byte', async () => {
    const app = await start()
    const boundary = '----WebKitFormBoundaryoo6vortfDzBsDiro'
    const body = `------WebKitFormBoundaryoo6vortfDzBsDiro\r\n Content-Disposition: form-data; name="bildbeschreibung"\r\n\r\n\r\n------WebKitFormBoundaryoo6vortfDzBsDiro--`
    const answer = await exchange(app.port, { type: `multipart/form-data; boundary=${boundary}`, body })
    expect(answer.json).toMatchObject({ status: 400, code: 'MALFORMED_PART' })
    await expectAlive(app)
  })

  test('multiparty CVE-2026-8159: 8 KB of !filename="1 cost about as much as 8 KB of a name', async () => {
    const app = await start(memory(), { fieldNameSize: 20_000 })
    const size = 8190
    const hostile = form('X', [`${field('a')}; ${'!filename="1'.repeat(size / 12)}`.slice(0, size), '1'])
    const ordinary = form('X', [field('a'.repeat(size - field('').length)), '1'])
    const { hostile: answer } = await expectBounded(app, multipart(hostile), multipart(ordinary))
    expect(answer.status).toBe(400)
    // Forty of them in one form.
    const many = (body: string): string => body.replace('--X--\r\n', '').repeat(40) + '--X--\r\n'
    await expectBounded(app, multipart(many(hostile)), multipart(many(ordinary)))
  })

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'push', 'length'])(
    'multiparty CVE-2026-8161: fields and files called %s arrive like any other',
    async (name) => {
      const app = await start()
      const body = form(
        'X',
        [field(name), '1'],
        [field(name), '2'],
        [file(name, 'f.txt'), 'x'],
        [file(name, 'g.txt'), 'y'],
      )
      const { status, body: text } = await exchange(app.port, multipart(body))
      expect(status).toBe(200)
      // Text, because an object treats __proto__ specially.
      expect(text).toContain(`"files":{"${name}":[{"field":"${name}","name":"f.txt"`)
      expect(text).toContain(`{"data":{"${name}":["1","2",{`)
      await expectAlive(app)
    },
  )

  test.each([
    "utf-8''%FF",
    "utf-8''%",
    "utf-8''%zz",
    "UTF-8'%E0%A4%A",
    "''",
    "x''%41",
    "utf-8''%C0%AE%C0%AE/x",
  ])(
    'multiparty CVE-2026-8162: filename*=%s, which cannot be decoded, gets an answer, and the process lives',
    async (value) => {
      const directory = await newDirectory()
      const app = await start(disk({ directory }))
      const header = `Content-Disposition: form-data; name="f"; filename*=${value}`
      const answer = await exchange(app.port, multipart(form('X', [header, 'hello'])))
      expect([200, 400]).toContain(answer.status)
      if (answer.status === 200) expect(answer.json.files.f[0].name).toMatch(/^[^/\\]+$/)
      else expect(['MALFORMED_PART', 'INVALID_CHARSET']).toContain(answer.json.code)
      await expectEmpty(directory)
      await expectAlive(app)
    },
  )

  test('@fastify/busboy 3.2.1 to 3.2.6: a boundary is found wherever it is split', async () => {
    const boundary = '----WebKitFormBoundaryAaB03x'
    const type = `multipart/form-data; boundary=${boundary}`
    const body = form(
      boundary,
      [field('a'), `\r\n--${boundary.slice(0, -1)}`],
      [file('f', 'f.txt'), `-\r\n-\r\n--\r\n${boundary}`],
    )
    const app = await start()
    const whole = await exchange(app.port, { type, body })
    expect(whole.json.data.a).toBe(`\r\n--${boundary.slice(0, -1)}`)
    expect(whole.json.files.f[0].size).toBe(10 + boundary.length)
    for (let at = 0; at < body.length; at += 1) {
      const { json } = await inTwo(app, type, body.slice(0, at), body.slice(at))
      expect([at, json]).toEqual([at, whole.json])
    }
  })

  test.each(['epilogue', '\r\n\r\n', '\r\n--X\r\n', `\r\n--X\r\n${field('late')}\r\n\r\n1\r\n--X--\r\n`])(
    '@fastify/busboy 3.2.1 to 3.2.6: an epilogue that arrives late delays nothing: %j',
    async (epilogue) => {
      const app = await start()
      const body = form('X', [field('a'), '1'], [file('f', 'f'), 'x'])
      for (const end of [body.length, body.length - 2]) {
        const { status, json } = await inTwo(
          app,
          multipartX,
          body.slice(0, end),
          body.slice(end) + epilogue,
          20,
        )
        expect([status, Object.keys(json.data)]).toEqual([200, ['a', 'f']])
      }
    },
  )

  test.each([
    ['a file', { fileSize: 10 }, file('f', 'f'), 'LIMIT_FILE_SIZE'],
    ['a field', { fieldSize: 10 }, field('a'), 'LIMIT_FIELD_SIZE'],
  ])(
    '@fastify/busboy 3.2.1 to 3.2.6: %s over its limit is a 413, even if the body is truncated there',
    async (_, limits, header, code) => {
      const directory = await newDirectory()
      const app = await start(disk({ directory }), limits)
      const { json } = await inTwo(app, multipartX, `--X\r\n${header}\r\n\r\n12345678901`, '', 20)
      expect(json).toMatchObject({ status: 413, code, limit: 10 })
      const under = await inTwo(app, multipartX, `--X\r\n${header}\r\n\r\n1234567890`, '', 20)
      expect(under.json).toMatchObject({ status: 400, code: 'TRUNCATED_BODY' })
      expect(app.handled()).toBe(0)
      await expectEmpty(directory)
    },
  )

  test.each(['\r', '\n'])(
    '@fastify/busboy 3.2.1 to 3.2.6: a bare %j in a name or file name is a 400, never another header',
    async (character) => {
      const app = await start()
      for (const header of [
        field(`a${character}b`),
        field(`a${character}Content-Type: text/html`),
        file('f', `a${character}b.txt`),
        `${field('a')}${character}X-Injected: 1`,
      ]) {
        const answer = await exchange(app.port, multipart(form('X', [header, '1'])))
        expect(answer.json).toMatchObject({ status: 400 })
        expect(['MALFORMED_PART', 'LF_LINE_ENDINGS']).toContain(answer.json.code)
      }
      expect(app.handled()).toBe(0)
    },
  )

  test('formidable CVE-2025-46653: each stored name has 128 random bits', async () => {
    for (const make of [disk, spool]) {
      const directory = await newDirectory()
      const names = new Set<string>()
      const app = await serve(framework, {
        mount: { storage: make === disk ? disk({ directory }) : spool({ directory, threshold: 0 }) },
        routes: [
          {
            path: '/',
            handler: () => {
              for (const name of readdirSync(directory)) names.add(name)
            },
          },
        ],
      })
      const parts = Array.from({ length: 100 }, (_, at) => [file('f', `${at}.png`), 'x'] as const)
      await exchange(app.port, multipart(form('X', ...parts)))
      await exchange(app.port, multipart(form('X', ...parts)))
      expect(names.size).toBe(200)
      const digits = [...names].map(
        (name) => /^(?:formgate-)?([0-9a-f]{32})(?:\.part|\.png)$/.exec(name)?.[1],
      )
      // With a counter, a clock or a process ID, most names would share some digits.
      for (let place = 0; place < 32; place += 1) {
        const seen = new Map<string, number>()
        for (const each of digits) seen.set(each![place]!, (seen.get(each![place]!) ?? 0) + 1)
        expect(seen.size).toBeGreaterThan(12)
        expect(Math.max(...seen.values())).toBeLessThan(60)
      }
    }
  })
})
