import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import sharp from 'sharp'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newerNode, runServer, type Server } from './run-server.js'

const MiB = 1024 * 1024
let server: Server
beforeAll(async () => {
  server = await runServer()
})
afterAll(() => server.stop())

/** A sixteenth of it random, so that a compressed file is large too. */
const chunk = Buffer.concat([randomBytes(MiB / 16), Buffer.alloc((MiB * 15) / 16)])

function* file(mebibytes: number): Generator<Buffer> {
  for (let sent = 0; sent < mebibytes; sent += 1) yield chunk
}

/** A tar file of files of 64 MiB. */
function tarFile(files: number): AsyncIterable<Buffer> {
  const tar = pack()
  const fill = async (): Promise<void> => {
    for (let at = 0; at < files; at += 1) {
      const entry = tar.entry({ name: `${at}.bin`, size: 64 * MiB })
      for (let sent = 0; sent < 64; sent += 1) {
        if (!entry.write(chunk)) await new Promise((resolve) => entry.once('drain', () => resolve(undefined)))
      }
      entry.end(undefined)
    }
    tar.finalize()
  }
  void fill()
  return Readable.from(tar).pipe(createGzip({ level: 1 }))
}

test.each([
  ['compressed, with the original beside it', 'gzip', file, 1024],
  ['stored by an engine of multer', 'multer', file, 1024],
  ['unpacked from a tar file', 'untar', tarFile, 16],
])('1 GiB that is %s takes less than 96 MiB of memory', async (what, path, make, size) => {
  await server.upload(`/${path}`, make(1))
  const [growth, answer] = await server.measure(`/${path}`, make(size))
  console.log(`1 GiB ${what}: ${Math.round(growth)} MiB`)
  const sizes = (answer as [number, number[]][])[0]!.flat()
  expect(sizes).toContain(path === 'untar' ? 64 * MiB : 1024 * MiB)
  expect(growth).toBeLessThan(96)
  await expect
    .poll(async () =>
      (await server.held()).files.filter((name) => !name.startsWith('pictures') && name !== 'orders.db'),
    )
    .toEqual([])
})

test(
  '1 GiB of CSV whose rows go into SQLite takes less than 96 MiB of memory',
  { timeout: 600_000 },
  async () => {
    const header = Buffer.from('item,count\n')
    const rows = Buffer.from(`${'x'.repeat(1000)},2\n`.repeat(1000))
    function* csv(mebibytes: number): Generator<Buffer> {
      yield header
      for (let sent = 0; sent < mebibytes * MiB; sent += rows.length) yield rows
    }
    const withSqlite = await runServer({}, newerNode)
    try {
      await withSqlite.upload('/rows', csv(10))
      const [growth, answer] = await withSqlite.measure('/rows', csv(1024))
      console.log(`1 GiB of CSV: ${Math.round(growth)} MiB`)
      expect(answer).toEqual([[header.length + Math.ceil((1024 * MiB) / rows.length) * rows.length, []]])
      expect(growth).toBeLessThan(96)
    } finally {
      await withSqlite.stop()
    }
  },
)

test('a hundred photos, sent by four clients at once, take less than 96 MiB for each in flight', async () => {
  const noise = { type: 'gaussian', mean: 128, sigma: 20 } as const
  const photo = await sharp({ create: { width: 1200, height: 900, channels: 3, background: 'teal', noise } })
    .jpeg({ quality: 60 })
    .toBuffer()
  await server.upload('/pictures', [photo], 'a.jpg')
  const idle = (await server.held()).rss
  let peak = 0
  const client = async (): Promise<void> => {
    for (let sent = 0; sent < 25; sent += 1) {
      await server.upload('/pictures', [photo], 'a.jpg')
      peak = Math.max(peak, (await server.held()).rss)
    }
  }
  await Promise.all(Array.from({ length: 4 }, client))
  const growth = (peak - idle) / MiB
  console.log(`100 photos of ${(photo.length / MiB).toFixed(1)} MiB: ${Math.round(growth)} MiB`)
  expect(growth / 4).toBeLessThan(96)
})
