import { MultiPartParser, type BodyError } from '@formgate/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, file, form, multipartX } from './client.js'
import { frameworks, type App } from './frameworks.js'

const KiB = 1024

describe.each(frameworks)('$name', ({ start }) => {
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
    'after a file of %i KiB was refused at its first bytes, the connection carries the next request or is closed',
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
