/** The same answers over HTTP/2, on the frameworks that speak it. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { disk, type MountOptions, type Storage } from '@formgate/core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { field, file, form, multipartX, type Answer, type Sent } from './client.js'
import { codeCases, everyCodeApp } from './every-code.js'
import { frameworks, type App, type Description } from './frameworks.js'
import { begin, exchangeHttp2, readAnswer } from './http2-client.js'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'http2-'))
})
afterAll(() => rm(directory, { recursive: true }))

const json = 'application/json'
const limits = { fileSize: 100_000, textSize: 1000 }
const openFile = `--X\r\n${file('f', 'f')}\r\n\r\n`

const failing: Storage = {
  async store() {
    throw new Error('no')
  },
}

async function expectNothingLeft(): Promise<void> {
  await expect.poll(() => readdir(directory)).toEqual([])
}

/** Sends until the stream is closed. @returns the answer, and the code with which the stream ended */
async function sendForEver(stream: ClientHttp2Stream): Promise<{ answer: Answer; code: number | undefined }> {
  const answered = readAnswer(stream)
  const piece = Buffer.alloc(16 * 1024)
  const send = (): void => {
    if (!stream.destroyed && !stream.closed) stream.write(piece, () => setImmediate(send))
  }
  send()
  const answer = await answered
  // Node itself waits for the window of a pending write, which never opens.
  await expect.poll(() => stream.closed).toBe(true)
  stream.destroy()
  return { answer, code: stream.rstCode }
}

describe.each(frameworks.filter(({ name }) => name !== 'Express'))('$name', ({ start }) => {
  const apps: App[] = []
  const sessions: ClientHttp2Session[] = []
  afterEach(async () => {
    sessions.splice(0).forEach((session) => session.destroy())
    await Promise.all(apps.splice(0).map((app) => app.close()))
    await expectNothingLeft()
  })

  async function open(description: Description): Promise<ClientHttp2Session> {
    apps.push(await start({ ...description, http2: true }))
    return connectAgain()
  }

  /** One more session with the app that was opened last. */
  function connectAgain(): ClientHttp2Session {
    const session = connect(`http://127.0.0.1:${apps.at(-1)!.port}`)
    sessions.push(session)
    return session
  }

  const mounted = (mount: MountOptions = {}): Promise<ClientHttp2Session> =>
    open({
      mount: { storage: disk({ directory }), limits, ...mount },
      routes: [{ path: '/' }],
    })

  const upload = (size: number): Sent => ({
    type: multipartX,
    body: form('X', [field('a'), '1'], [file('f', 'f'), 'x'.repeat(size)]),
  })

  test('a request without a body gives {} and {}', async () => {
    const session = await mounted()
    const nothing = { data: {}, files: {} }
    for (const framing of ['length', 'chunked'] as const) {
      expect((await exchangeHttp2(session, { framing })).json).toEqual(nothing)
      expect((await exchangeHttp2(session, { framing, type: json })).json).toEqual(nothing)
    }
  })

  test('JSON and forms arrive, with a length and without', async () => {
    const session = await mounted()
    for (const framing of ['length', 'chunked'] as const) {
      const sent: Sent = { type: json, body: '{"a":1}', framing }
      expect((await exchangeHttp2(session, sent)).json).toEqual({ data: { a: 1 }, files: {} })
      const { json: seen } = await exchangeHttp2(session, { ...upload(50_000), framing })
      expect(seen).toMatchObject({ data: { a: '1' }, files: { f: [{ size: 50_000 }] } })
    }
  })

  test('every error is answered without a Connection header while another stream goes on', async () => {
    const session = await open(everyCodeApp)
    const other = begin(session, { type: json, framing: 'chunked' })
    const answered = readAnswer(other)
    other.write('[1')
    const alive = setInterval(() => other.write(' '), 100)
    for (const { code, status, sent } of codeCases) {
      const answer = await exchangeHttp2(session, sent)
      expect([answer.status, answer.json.code]).toEqual([status, code])
      expect(answer.headers).not.toHaveProperty('connection')
    }
    clearInterval(alive)
    other.end(']')
    expect((await answered).json.data).toEqual([1])
  })

  test('a client that resets its stream in the middle of a file leaves no file, and the session goes on', async () => {
    const session = await mounted()
    for (const code of [
      constants.NGHTTP2_CANCEL,
      constants.NGHTTP2_NO_ERROR,
      constants.NGHTTP2_INTERNAL_ERROR,
    ]) {
      const stream = begin(session, { type: multipartX, framing: 'chunked' })
      stream.on('error', () => undefined)
      stream.write(`${openFile}abc`)
      await expect.poll(() => readdir(directory)).toHaveLength(1)
      stream.close(code)
      await expectNothingLeft()
      expect((await exchangeHttp2(session, { type: json, body: '1' })).json.data).toBe(1)
    }
  })

  test('a session that is destroyed in the middle of a file leaves no file', async () => {
    const session = await mounted()
    session.on('error', () => undefined)
    const stream = begin(session, { type: multipartX, framing: 'chunked' })
    stream.on('error', () => undefined)
    stream.write(`${openFile}abc`)
    await expect.poll(() => readdir(directory)).toHaveLength(1)
    session.destroy(undefined, constants.NGHTTP2_CANCEL)
    await expectNothingLeft()
  })

  test.each([
    ['a 413', {}, 413],
    ["a 413 with errors: 'next'", { errors: 'next' as const }, 413],
    ['a 500', { storage: failing }, 500],
  ])('a client that goes on sending reads %s, and its stream is closed', async (_, mount, status) => {
    const session = await mounted(mount)
    // So often that unread bytes would use up the window of the session.
    for (let round = 0; round < 30; round += 1) {
      const stream = begin(session, { type: multipartX, framing: 'chunked' })
      stream.write(openFile)
      const { answer, code } = await sendForEver(stream)
      expect([answer.status, code]).toEqual([status, constants.NGHTTP2_NO_ERROR])
      expect(answer.body).not.toBe('')
    }
    const { json: seen } = await exchangeHttp2(session, { type: json, body: '[1]' })
    expect(seen.data).toEqual([1])
  })

  test('a declared length over the limit is refused before the body arrives', async () => {
    const session = await mounted()
    const stream = begin(session, {
      type: json,
      framing: 'none',
      headers: { 'Content-Length': '50000000' },
    })
    const answer = await readAnswer(stream)
    expect(answer.json).toMatchObject({ status: 413, code: 'LIMIT_BODY_SIZE' })
    expect((await exchangeHttp2(session, { type: json, body: '1' })).json.data).toBe(1)
  })

  // For a longer body, Node 20 ends the stream; from Node 22.23 on, nghttp2 ends the session.
  const endsSession = Number.parseInt(process.versions.node, 10) >= 22
  test.each([
    { than: 'longer', length: '3', mayEndSession: endsSession },
    { than: 'shorter', length: '300', mayEndSession: false },
  ])(
    'a body $than than its declared length fails, and the app goes on',
    async ({ length, mayEndSession }) => {
      const session = await mounted()
      session.on('error', () => undefined)
      const stream = begin(session, { type: json, framing: 'none', headers: { 'Content-Length': length } })
      const closed = new Promise<void>((resolve) => stream.on('error', () => undefined).on('close', resolve))
      stream.end('{"a":1}')
      await closed
      expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR)
      const next = mayEndSession && session.destroyed ? connectAgain() : session
      expect((await exchangeHttp2(next, { type: json, body: '1' })).json.data).toBe(1)
    },
  )

  test('ten concurrent uploads on one session are each accepted or refused by their own size', async () => {
    const session = await mounted()
    const sizes = Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? 90_000 : 600_000))
    const answers = await Promise.all(sizes.map((size) => exchangeHttp2(session, upload(size))))
    expect(answers.map(({ status }) => status)).toEqual(sizes.map((size) => (size > 100_000 ? 413 : 200)))
  })
})
