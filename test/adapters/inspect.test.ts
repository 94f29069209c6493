import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  BodyError,
  disk,
  FileUploadParser,
  hash,
  memory,
  MultiPartParser,
  type FrameworkRequest,
  type Inspector,
  type MountOptions,
  type Storage,
} from '@formgate/core'
import type { Request as ExpressRequest } from 'express'
import type { FastifyRequest } from 'fastify'
import type { Request as KoaRequest } from 'koa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exchange, field, file, form, multipartX } from './client.js'
import { frameworks, type App } from './frameworks.js'

const sha256 = (bytes: string): string => createHash('sha256').update(bytes).digest('hex')
const small = 'hello'
const large = 'x'.repeat(600_000)

/** Refuses files that contain the word `virus`, asynchronously like a scanner. */
const refuseVirus: Inspector = ({ field }) => ({
  async chunk(bytes) {
    await delay(1)
    if (bytes.includes('virus')) throw new BodyError('FILE_REFUSED', { detail: 'It holds a virus.', field })
  },
})

const crash: Inspector = () => ({
  chunk() {
    throw new Error('ECONNREFUSED 10.0.0.1')
  },
})

test('an inspector may declare its request as that of a framework', () => {
  const options: MountOptions[] = [
    { inspect: (_file, _signal, request: ExpressRequest) => void request.ip },
    { inspect: [(_file, _signal, request: KoaRequest) => void request.ctx] },
    { onProgress: (_progress, request: FastifyRequest) => request.log.info('more') },
  ]
  // @ts-expect-error -- not a request of any framework
  options.push({ inspect: (_file, _signal, request: string) => void request })
  expect(options).toHaveLength(4)
})

const broken: Readonly<Record<string, Inspector>> = {
  asynchronous: (async () => {
    throw new Error('ECONNREFUSED 10.0.0.1')
  }) as never,
  transferring: () => ({
    chunk(bytes) {
      structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })
    },
  }),
}

describe.each(frameworks)('$name', ({ start }) => {
  test('a typed route may have its own inspector and progress listener', async () => {
    const received: number[] = []
    const app = await start({
      routes: [
        {
          path: '/',
          typed: ({ form }) =>
            form(z.object({ f: z.file() }), {
              inspect: [hash(), refuseVirus],
              onProgress: (progress) => void received.push(progress.received),
            }),
          handler: ({ files }) => files['f']?.[0]?.hash,
        },
      ],
    })
    const body = form('X', [file('f', 'f'), small])
    expect((await exchange(app.port, { type: multipartX, body })).json).toBe(sha256(small))
    expect(received.at(-1)).toBe(body.length)
    const refused = await exchange(app.port, { type: multipartX, body: form('X', [file('f', 'f'), 'virus']) })
    expect(refused.json).toMatchObject({ status: 422, code: 'FILE_REFUSED', field: 'f' })
    await app.close()
  })

  let app: App
  let directory: string
  const requests: FrameworkRequest[] = []
  const note: Inspector = (_file, _signal, request) => void requests.push(request)

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'inspect-'))
    const hashes = ({ files }: { files: Record<string, any[]> }): unknown =>
      Object.values(files)
        .flat()
        .map((each) => each.hash)
    const storages: Record<string, Storage | undefined> = {
      spool: undefined,
      memory: memory(),
      disk: disk({ directory }),
    }
    app = await start({
      mount: { lazy: true, inspect: [note, hash()], errors: 'respond' },
      errorHandler: true,
      routes: [
        ...Object.entries(storages).flatMap(([name, storage]) =>
          [MultiPartParser, FileUploadParser].map((parser) => ({
            path: `/${name}/${parser.name}`,
            parsers: [parser],
            options: storage === undefined ? {} : { storage },
            handler: hashes,
          })),
        ),
        ...[MultiPartParser, FileUploadParser].map((parser) => ({
          path: `/scan/${parser.name}`,
          parsers: [parser],
          options: { storage: disk({ directory }), inspect: refuseVirus },
          handler: hashes,
        })),
        ...Object.entries(broken).map(([name, inspect]) => ({
          path: `/${name}`,
          parsers: [MultiPartParser],
          options: { inspect },
        })),
        { path: '/crash', parsers: [MultiPartParser], options: { inspect: crash } },
        { path: '/parse', handler: async ({ parse }) => hashes(await parse()) },
      ],
    })
  })
  afterAll(async () => {
    await app.close()
    await rm(directory, { recursive: true })
  })

  const raw = (path: string, body: string): ReturnType<typeof exchange> =>
    exchange(app.port, {
      path,
      type: 'application/octet-stream',
      headers: { 'Content-Disposition': 'attachment; filename="a.bin"' },
      body,
    })
  const multipart = (path: string, ...bodies: readonly string[]): ReturnType<typeof exchange> =>
    exchange(app.port, {
      path,
      type: multipartX,
      body: form('X', [field('t'), '1'], ...bodies.map((body) => [file('f', 'a.txt'), body] as const)),
    })

  test.each(['spool', 'memory', 'disk'])(
    'hash() is the hash of the bytes sent, with the storage %s',
    async (name) => {
      const answer = await multipart(`/${name}/MultiPartParser`, small, large, '')
      expect(answer.json).toEqual([small, large, ''].map((each) => sha256(each)))
      for (const body of [small, large]) {
        expect((await raw(`/${name}/FileUploadParser`, body)).json).toEqual([sha256(body)])
      }
    },
  )

  test('an inspector gets the request that the handler gets', async () => {
    requests.length = 0
    await multipart('/parse', small)
    expect(requests).toEqual([expect.objectContaining({ method: 'POST', url: '/parse' })])
    expect(requests[0]!.headers['content-type']).toBe(multipartX)
  })

  test('the error of an inspector is the answer, and no file of the request stays', async () => {
    const answer = await multipart('/scan/MultiPartParser', large, `${large} virus`, small)
    expect(answer.status).toBe(422)
    expect(answer.json).toMatchObject({ code: 'FILE_REFUSED', detail: 'It holds a virus.', field: 'f' })
    expect((await raw('/scan/FileUploadParser', 'a virus')).json).toMatchObject({ code: 'FILE_REFUSED' })
    expect(existsSync(directory) && readdirSync(directory)).toEqual([])
  })

  test('a file that an inspector accepts is stored', async () => {
    expect((await multipart('/scan/MultiPartParser', large)).status).toBe(200)
  })

  test('any other error of an inspector is a 500', async () => {
    const answer = await multipart('/crash', small)
    expect(answer.json).toEqual({ handler: 'own', code: 'INSPECTION_FAILED', status: 500 })
  })

  test.each(Object.keys(broken))('an inspector that is %s is a 500, and the server goes on', async (name) => {
    const rejections: unknown[] = []
    const note = (reason: unknown): void => void rejections.push(reason)
    process.on('unhandledRejection', note)
    const answer = await multipart(`/${name}`, 'x'.repeat(40_000))
    expect(answer.json).toEqual({ handler: 'own', code: 'INSPECTION_FAILED', status: 500 })
    expect((await multipart('/parse', small)).status).toBe(200)
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
  })

  test.each(['inspect', 'onProgress'])(
    '%s on a route below an eager multipart() is a 500',
    async (option) => {
      const options = option === 'inspect' ? { inspect: hash() } : { onProgress: () => undefined }
      const late = await start({
        mount: {},
        errorHandler: true,
        routes: [{ path: '/', parsers: [MultiPartParser], options }],
      })
      const answer = await exchange(late.port, { type: multipartX, body: form('X', [field('a'), '1']) })
      expect(answer.json).toEqual({ handler: 'own', code: 'BODY_ALREADY_READ', status: 500 })
      await late.close()
    },
  )
})
