import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { disk, MultiPartParser, spool, type Storage, type UploadedFile } from '@formgate/core'
import { pack, type Header } from 'tar-stream'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ZipFile } from 'yazl'
import { frameworks, startForEach, type Handling } from '../adapters/frameworks.js'
import { info } from '../storage-contract.js'
import { abortAfter } from './abort.js'
import { load } from './page.js'

interface Limits {
  readonly bytes: number
  readonly entries: number
}
type Unpacked = readonly { readonly name: string; readonly path: string; readonly size: number }[]
const { untar } = await load<{ untar: (storage: Storage, limits: Limits) => Storage }>('untar.ts')
const { unzip } = await load<{
  unzip: (file: UploadedFile, folder: string, limits: Limits) => Promise<Unpacked>
}>('unzip.ts')

const limits = { bytes: 1_000_000, entries: 10 }
let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'archives-'))
})
afterAll(() => rm(root, { recursive: true }))

async function tarOf(
  ...entries: [name: string, content: string | Buffer, more?: Partial<Header>][]
): Promise<Buffer> {
  const tar = pack()
  for (const [name, content, more] of entries) tar.entry({ name, ...more }, content)
  tar.finalize()
  return gzipSync(await buffer(Readable.from(tar)))
}

async function zipOf(...entries: [name: string, content: string | Buffer][]): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, content] of entries) zip.addBuffer(Buffer.from(content as string), name)
  zip.end()
  return buffer(zip.outputStream)
}

/** Replaces a name in an archive by one of the same length, which its writer would have refused. */
function renamed(archive: Buffer, name: string, evil: string): Buffer {
  expect(name.length).toBe(evil.length)
  return Buffer.from(archive.toString('latin1').replaceAll(name, evil), 'latin1')
}

describe.each(frameworks)('$name', (framework) => {
  const start = startForEach(framework.start)
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(root, 'unpacked-'))
  })
  const left = (): string[] => readdirSync(directory)

  /** An app with a route for each kind of archive. */
  async function app(): Promise<number> {
    const tar = async ({ files }: Handling): Promise<unknown> => {
      const entries = Object.entries(files['f']![0]!.results).map(async ([name, file]) => [
        name,
        await file.text(),
      ])
      return Promise.all(entries)
    }
    const zip = async ({ files }: Handling): Promise<unknown> => {
      const unpacked = await unzip(files['f']![0]!, directory, limits)
      const read = unpacked.map(({ name, path, size }) => [name, readFileSync(path, 'utf8'), size])
      for (const { path } of unpacked) await rm(path)
      return read
    }
    const started = await start({
      mount: { lazy: true },
      routes: [
        {
          path: '/tar',
          options: { storage: untar(disk({ directory }), limits) },
          parsers: [MultiPartParser],
          handler: tar,
        },
        {
          path: '/zip',
          options: { storage: spool({ directory }) },
          parsers: [MultiPartParser],
          handler: zip,
        },
      ],
    })
    return started.port
  }

  async function post(path: string, archive: Buffer): Promise<{ status: number; body: any }> {
    const form = new FormData()
    form.append('f', new Blob([archive]), 'archive')
    const answer = await fetch(`http://127.0.0.1:${await app()}${path}`, { method: 'POST', body: form })
    return { status: answer.status, body: await answer.json() }
  }

  test('a tar file is unpacked while it arrives, whatever the names in it, and removed after the answer', async () => {
    const outside = join(directory, '..', 'outside')
    const archive = await tarOf(
      ['a.txt', 'one'],
      ['folder', '', { type: 'directory' }],
      ['folder/b.txt', 'two'],
      ['../outside', 'three'],
      ['/etc/outside', 'four'],
      ['__proto__', 'five'],
      ['link', '', { type: 'symlink', linkname: '/etc/passwd' }],
      ['a.txt', 'again'],
    )
    expect(await post('/tar', archive)).toEqual({
      status: 200,
      body: [
        ['a.txt', 'one'],
        ['folder/b.txt', 'two'],
        ['../outside', 'three'],
        ['/etc/outside', 'four'],
        ['__proto__', 'five'],
      ],
    })
    expect([existsSync(outside), existsSync('/etc/outside')]).toEqual([false, false])
    await expect.poll(left).toEqual([])
  })

  test('a ZIP file is unpacked under random names', async () => {
    const { status, body } = await post('/zip', await zipOf(['a.txt', 'one'], ['folder/b.txt', 'two']))
    expect([status, body]).toEqual([
      200,
      [
        ['a.txt', 'one', 3],
        ['folder/b.txt', 'two', 3],
      ],
    ])
    await expect.poll(left).toEqual([])
  })

  const zeros = Buffer.alloc(10_000_000)
  const many = Array.from({ length: 11 }, (_, at): [string, string] => [`${at}`, 'x'])
  test.each([
    [
      'tar file from which too much comes',
      '/tar',
      () => tarOf(['a', 'kept until then'], ['zeros', zeros]),
      413,
    ],
    [
      'ZIP file from which too much comes',
      '/zip',
      () => zipOf(['a', 'kept until then'], ['zeros', zeros]),
      413,
    ],
    ['tar file with too many entries', '/tar', () => tarOf(...many), 413],
    ['ZIP file with too many entries', '/zip', () => zipOf(...many), 413],
    [
      'ZIP file with a path outside',
      '/zip',
      async () => renamed(await zipOf(['b', 'x'], ['aaa/a', 'x']), 'aaa/a', '../aa'),
      422,
    ],
    [
      'ZIP file with an absolute path',
      '/zip',
      async () => renamed(await zipOf(['aaaa', 'x']), 'aaaa', '/etc'),
      422,
    ],
    [
      'tar file that ends early',
      '/tar',
      async () => (await tarOf(['a', 'x'], ['b', 'y'])).subarray(0, -20),
      422,
    ],
    ['ZIP file that ends early', '/zip', async () => (await zipOf(['a', 'x'])).subarray(0, -20), 422],
    ['file that is no tar file', '/tar', () => Buffer.from('not an archive'), 422],
    ['file that is no ZIP file', '/zip', () => Buffer.from('not an archive'), 422],
    ['tar file in no gzip', '/tar', () => gzipSync(Buffer.alloc(100_000, 'x')), 422],
  ])('a %s is refused, and leaves nothing', async (_, path, archive, status) => {
    const answer = await post(path, await archive())
    expect([answer.status, answer.body.code]).toEqual([
      status,
      status === 413 ? 'LIMIT_FILE_SIZE' : 'FILE_REFUSED',
    ])
    await expect.poll(left).toEqual([])
  })

  test('50 clients that go away leave nothing of what was unpacked', async () => {
    const port = await app()
    const archive = await tarOf(
      ...many
        .slice(2)
        .map(([name]): [string, Buffer] => [
          name,
          Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))),
        ]),
    )
    const cuts = Array.from({ length: 50 }, (_, at) =>
      archive.subarray(0, Math.floor((archive.length * at) / 50)),
    )
    await Promise.all(cuts.map((bytes) => abortAfter(port, '/tar', bytes)))
    await expect.poll(left).toEqual([])
  })
})

test('a storage that fails in the middle of a tar file removes the entries before', async () => {
  const directory = await mkdtemp(join(root, 'failing-'))
  const whole = disk({ directory })
  let stored = 0
  const failing: Storage = {
    async store(stream, info, signal) {
      if (++stored === 3) throw new Error('no more')
      return whole.store(stream, info, signal)
    },
  }
  const archive = await tarOf(['1', 'x'], ['2', 'x'], ['3', 'x'.repeat(200_000)], ['4', 'x'])
  const storing = untar(failing, limits).store(Readable.from([archive]), info, new AbortController().signal)
  await expect(storing).rejects.toThrow('no more')
  expect(readdirSync(directory)).toEqual([])
})
