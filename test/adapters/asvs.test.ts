/** The requirements of OWASP's ASVS 5.0 on file handling (chapter V5) that Formgate fulfils. */
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accept, defaultLimits, disk, sniff, spool, type Storage } from '@formgate/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exchange, file, form, multipartX } from './client.js'
import { frameworks, type App, type Description } from './frameworks.js'

test('V5.2.1: every limit is finite by default', () => {
  for (const [name, limit] of Object.entries(defaultLimits))
    expect([name, Number.isSafeInteger(limit)]).toEqual([name, true])
})

const png = '\x89PNG\r\n\x1a\n\0\0\0\rIHDR'
const utf8 = (text: string): Buffer => Buffer.from(text, 'latin1')

describe.each(frameworks)('$name', ({ start }) => {
  let directory = ''
  let app: App
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'asvs-'))
  })
  afterEach(async () => {
    await app.close()
    await rm(directory, { recursive: true })
  })

  const serve = async (description: Description): Promise<void> => {
    app = await start(description)
  }
  const upload = (name: string, type: string, content: string) =>
    exchange(app.port, { type: multipartX, body: utf8(form('X', [file('photo', name, type), content])) })

  test('V5.2.2: extension, declared type and content must agree if the schema says so', async () => {
    const Photo = z.object({
      photo: z.file().check(accept('.png', '.jpg'), accept('image/png', 'image/jpeg'), sniff()),
    })
    await serve({
      routes: [{ path: '/', typed: ({ form }) => form(Photo, { storage: disk({ directory }) }) }],
    })
    expect((await upload('a.png', 'image/png', png)).status).toBe(200)
    expect((await upload('A.PNG', 'IMAGE/PNG', png)).status).toBe(200)
    for (const [name, type, content] of [
      ['a.php', 'image/png', png],
      ['a.png.php', 'image/png', png],
      ['a.png', 'text/html', png],
      ['a.png', 'application/octet-stream', png],
      ['a.png', 'image/png', '<?php system($_GET[0]);'],
      ['a.png', 'image/png', 'GIF89a'],
      ['a.png', 'image/png', ''],
    ] as const) {
      const { status, json } = await upload(name, type, content)
      expect([name, type, content, status]).toEqual([name, type, content, 422])
      expect(json.errors[0].path).toBe('photo')
    }
    await expect.poll(() => readdir(directory)).toEqual([])
  })

  test('V5.3.1 and V5.3.2: a stored file is readable by its owner only, not executable, and has a generated name', async () => {
    const modes: number[] = []
    const places = join(directory, 'new')
    const storages: readonly Storage[] = [
      disk({ directory: places }),
      spool({ directory: places, threshold: 0 }),
    ]
    for (const storage of storages) {
      await serve({
        mount: { storage },
        routes: [
          {
            path: '/',
            handler: async ({ files }) => {
              const path = files['photo']?.[0]?.path ?? ''
              modes.push((await stat(path)).mode & 0o777, (await stat(places)).mode & 0o777)
              return path
            },
          },
        ],
      })
      const { json: path } = await upload('shell.php', 'text/x-php', '<?php')
      expect(path).not.toContain('shell')
      await app.close()
    }
    if (process.platform !== 'win32') expect(modes).toEqual([0o600, 0o700, 0o600, 0o700])
  })

  test('V5.3.1: an existing directory keeps its mode', async () => {
    const own = join(directory, 'own')
    await mkdir(own, { mode: 0o750 })
    const before = (await stat(own)).mode
    await serve({ mount: { storage: disk({ directory: own }) }, routes: [{ path: '/' }] })
    expect((await upload('a.png', 'image/png', png)).status).toBe(200)
    expect((await stat(own)).mode).toBe(before)
  })

  test('no byte is stored before the authentication above has run', async () => {
    let offered = 0
    const storage: Storage = {
      async store(stream, info, signal) {
        offered += 1
        return disk({ directory }).store(stream, info, signal)
      },
    }
    const refused = { error: 'Who are you?' }
    await serve({
      mount: { storage },
      routes: [{ path: '/' }],
      above: {
        express: (app) =>
          void app.use((req, res, next) => {
            if (req.method === 'POST' && req.headers.authorization === undefined)
              res.status(401).json(refused)
            else next()
          }),
        koa: (app) =>
          void app.use(async (ctx, next) => {
            if (ctx.method !== 'POST' || ctx.get('authorization') !== '') return next()
            ctx.status = 401
            ctx.body = refused
          }),
        fastify: (app) =>
          void app.addHook('onRequest', async (request, reply) => {
            if (request.method === 'POST' && request.headers.authorization === undefined)
              return reply.code(401).send(refused)
            return undefined
          }),
      },
    })
    const sent = { type: multipartX, body: utf8(form('X', [file('photo', 'a.png'), png.repeat(10_000)])) }
    expect((await exchange(app.port, sent)).status).toBe(401)
    expect([offered, await readdir(directory)]).toEqual([0, []])
    const known = await exchange(app.port, { ...sent, headers: { Authorization: 'Bearer me' } })
    expect([known.status, offered]).toEqual([200, 1])
  })
})
