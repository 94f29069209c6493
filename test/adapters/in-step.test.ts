/** After every error the connection carries the next request or is closed. */
import { MultiPartParser, type BodyError } from '@formgate/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  chunk,
  Connection,
  exchange,
  expectInStep,
  expectNextOrClosed,
  file,
  form,
  head,
  lastChunk,
  multipartX,
  type Sent,
} from './client.js'
import { codeCases, everyCodeApp, type CodeCase } from './every-code.js'
import { frameworks, type App } from './frameworks.js'

const KiB = 1024
const next = 'GET /alive HTTP/1.1\r\nHost: test\r\n\r\n'
const second: Sent = { type: 'application/json', body: '{"second":true}' }

/** A request as the bytes that are sent. */
function bytes(sent: Sent): Buffer {
  const body = Buffer.from((sent.body ?? '') as string)
  if (sent.framing !== 'chunked') return Buffer.concat([Buffer.from(head(sent)), body])
  return Buffer.concat([Buffer.from(head(sent)), chunk(body), Buffer.from(lastChunk)])
}

describe.each(frameworks)('$name', ({ start }) => {
  describe('after a file that is refused at its first bytes', () => {
    let app: App
    beforeAll(async () => {
      app = await start({
        mount: { lazy: true, limits: { fileSize: 10 } },
        routes: [
          { path: '/', parsers: [MultiPartParser] },
          {
            path: '/own',
            handler: ({ parse }) => parse().catch((error: unknown) => ({ code: (error as BodyError).code })),
          },
        ],
      })
    })
    afterAll(() => app.close())

    test.each([20, 60, 70, 80, 100, 128, 140, 200, 260, 900])(
      'of %i KiB, the connection carries the next request or is closed',
      async (size) => {
        const body = form('X', [file('f', 'f'), 'x'.repeat(size * KiB)])
        for (let round = 0; round < 5; round += 1) {
          for (const path of ['/', '/own']) {
            const answer = await exchange(app.port, { path, type: multipartX, body })
            expect(answer.json).toMatchObject({ code: 'LIMIT_FILE_SIZE' })
          }
        }
      },
    )
  })

  describe.each(['respond', 'next'] as const)("with errors: '%s'", (errors) => {
    let app: App
    beforeAll(async () => {
      app = await start({ ...everyCodeApp, mount: { ...everyCodeApp.mount, errors } })
    })
    afterAll(() => app.close())

    async function onConnection(use: (connection: Connection) => Promise<void>): Promise<void> {
      const connection = await Connection.open(app.port)
      try {
        await use(connection)
      } finally {
        connection.destroy()
      }
    }

    /** Not those whose body never ends: nothing can follow it. */
    const whole = codeCases.filter(({ status }) => status !== 408)

    describe.each(whole)('after $code', ({ code, status, sent }: CodeCase) => {
      const framings = code === 'LENGTH_MISMATCH' ? (['length'] as const) : (['length', 'chunked'] as const)

      test.each(framings)('the connection carries the next request or is closed: %s', async (framing) => {
        // Twice: what is left over from the first shows in the second.
        for (let round = 0; round < 2; round += 1) {
          const answer = await exchange(app.port, { ...sent, framing })
          expect([answer.status, answer.json.code]).toEqual([status, code])
        }
      })

      test.each(framings)('requests that came in the same write are answered in turn: %s', (framing) =>
        onConnection(async (connection) => {
          const first = bytes({ ...sent, framing })
          connection.write(Buffer.concat([first, bytes(second), Buffer.from(next)]))
          const answer = await connection.answer()
          expect([answer.status, answer.json.code]).toEqual([status, code])
          if (answer.headers['connection'] === 'close') return connection.closed()
          expect((await connection.answer()).json.data).toEqual({ second: true })
          expect((await connection.answer()).body).toBe('alive')
        }),
      )

      test('the late rest of a body is not read as a request', () =>
        onConnection(async (connection) => {
          const all = bytes(sent)
          connection.write(all.subarray(0, all.length - 1))
          const early = await Promise.race([connection.answer(), pause()])
          connection.write(all.subarray(all.length - 1))
          const answer = early ?? (await connection.answer())
          expect([answer.status, answer.json.code]).toEqual([status, code])
          await expectInStep(connection, answer)
        }))
    })

    const unfinished = codeCases.filter(({ status }) => status === 408)

    test.each(unfinished)('a client that stops in its body is answered $code and cut off', (each) =>
      onConnection(async (connection) => {
        connection.write(bytes(each.sent))
        const answer = await connection.answer()
        expect([answer.status, answer.json.code]).toEqual([408, each.code])
        // The rest of an abandoned body is not read as a request.
        connection.write(`${' '.repeat(98)}}${next}`)
        if (errors === 'respond') expect(answer.headers['connection']).toBe('close')
        await expectNextOrClosed(connection)
      }),
    )
  })
})

/** Time enough for an answer that does not wait for the end of the body. */
function pause(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, 20, undefined))
}
