import { Readable } from 'node:stream'
import type { BodyError, Storage, StoredFile } from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { frameworks, startForEach, type Handling } from '../adapters/frameworks.js'
import { info, source } from '../storage-contract.js'
import { abortAfter } from './abort.js'
import { load } from './page.js'

interface Order {
  readonly item: string
  readonly count: number
}
type Stored = StoredFile & { readonly upload: string; readonly rows: number }
type RowsInto = (table: MapTable, schema: z.ZodType<Order>) => Storage<Stored>
const { rowsInto } = await load<{ rowsInto: RowsInto }>('rows.ts')

/** A table in memory. */
class MapTable {
  readonly uploads = new Map<string, Order[]>()
  readonly batches: number[] = []

  insert(upload: string, rows: readonly Order[]): void {
    this.batches.push(rows.length)
    this.uploads.set(upload, [...(this.uploads.get(upload) ?? []), ...rows])
  }

  remove(upload: string): void {
    this.uploads.delete(upload)
  }
}

const Order = z.object({ item: z.string().min(1), count: z.coerce.number().int().positive() })
const signal = new AbortController().signal

async function insert(table: MapTable, ...chunks: string[]): Promise<Stored> {
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)))
  return (await rowsInto(table, Order).store(stream, info, signal))!
}

async function messagesOf(inserting: Promise<Stored>): Promise<string[]> {
  const error = (await inserting.catch((reason: unknown) => reason)) as BodyError
  expect([error.code, error.field]).toEqual(['VALIDATION_FAILED', 'photo'])
  return error.errors!.map(({ message }) => message)
}

test('rows go into the table in batches, in order, and leave it when the file is removed', async () => {
  const table = new MapTable()
  const lines = Array.from({ length: 1200 }, (_, at) => `item ${at},${at + 1}\n`)
  const chunks = [0, 300, 600, 900].map((at) => lines.slice(at, at + 300).join(''))
  const stored = await insert(table, '\ufeffitem,count\n', ...chunks)
  // The end of a row is known once the byte after it is.
  expect([stored.rows, table.batches]).toEqual([1200, [100, 100, 99, ...Array<number>(9).fill(100), 1]])
  expect(table.uploads.get(stored.upload)!.map(({ count }) => count)).toEqual(lines.map((_, at) => at + 1))
  await stored.remove()
  expect(table.uploads.size).toBe(0)
})

test('a row may be cut anywhere between two chunks', async () => {
  const csv = 'item,count\r\n"a ""quoted"", ü\nlamp",2\r\nchair,3\r\n'
  for (let at = 0; at <= csv.length; at += 1) {
    const table = new MapTable()
    const { upload } = await insert(table, csv.slice(0, at), csv.slice(at))
    expect(table.uploads.get(upload)).toEqual([
      { item: 'a "quoted", ü\nlamp', count: 2 },
      { item: 'chair', count: 3 },
    ])
  }
})

test('every bad row is reported by its line, and no row stays', async () => {
  const table = new MapTable()
  const csv = 'item,count\nlamp,2\n,1\nchair,many\ntable\n"a\nb",1\nx,1,2\na"b,1\nlast,0\n'
  const messages = await messagesOf(insert(table, csv))
  expect(messages.map((message) => /^Line (\d+): /.exec(message)?.[1])).toEqual([
    '3',
    '4',
    '5',
    '8',
    '9',
    '10',
  ])
  expect(messages[1]).toContain('count')
  expect(table.uploads.size).toBe(0)
})

test('an answer has a hundred bad rows, and the number of the others', async () => {
  const table = new MapTable()
  const inserting = insert(table, 'item,count\n', 'lamp,none\n'.repeat(250))
  await expect(inserting).rejects.toMatchObject({ errors: { length: 100 }, moreErrors: 150 })
})

test('a chunk is inserted before the next one is read', async () => {
  const table = new MapTable()
  const inserted: number[] = []
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let sent = 0; sent < 100; sent += 1) {
      inserted.push(table.batches.length)
      yield Buffer.from(`${sent === 0 ? 'item,count\n' : ''}${'lamp,1\n'.repeat(10)}`)
    }
  }
  // Without a buffer that reads ahead.
  const stream = Readable.from(chunks(), { highWaterMark: 0 })
  await rowsInto(table, Order).store(stream, info, signal)
  expect(inserted).toEqual(inserted.map((_, at) => at))
})

test('rows that came before a bad one do not stay, even those of an earlier chunk', async () => {
  const table = new MapTable()
  const inserting = insert(table, 'item,count\n', 'lamp,1\n'.repeat(600), 'lamp,none\n')
  expect(await messagesOf(inserting)).toHaveLength(1)
  expect([table.batches.length > 0, table.uploads.size]).toEqual([true, 0])
})

test.each(['"', ''])('a row without an end (%j) is refused after 64 KiB', async (quote) => {
  const table = new MapTable()
  let read = 0
  const endless = new Readable({
    read() {
      read += 1
      this.push(read === 1 ? `item,count\n${quote}` : 'x'.repeat(10_000))
    },
  })
  const storing = rowsInto(table, Order).store(endless, info, signal)
  await expect(storing).rejects.toMatchObject({
    code: 'VALIDATION_FAILED',
    errors: [{ message: 'Line 2: CSV_MAX_RECORD_SIZE' }],
    moreErrors: 0,
  })
  expect(read).toBeLessThan(40)
})

test('bytes that are no CSV are refused by line', async () => {
  const storing = rowsInto(new MapTable(), Order).store(source(300_000), info, signal)
  await expect(storing).rejects.toMatchObject({ code: 'VALIDATION_FAILED' })
})

describe.each(frameworks)('$name', (framework) => {
  const start = startForEach(framework.start)

  test('50 clients that go away leave no row', async () => {
    const table = new MapTable()
    const { port } = await start({ mount: { storage: rowsInto(table, Order) }, routes: [{ path: '/' }] })
    const csv = Buffer.from(`item,count\n${'lamp,2\n'.repeat(10_000)}`)
    const cuts = Array.from({ length: 50 }, (_, at) => csv.subarray(0, Math.floor((csv.length * at) / 50)))
    await Promise.all(cuts.slice(0, -1).map((bytes) => abortAfter(port, '/', bytes)))
    const inserted = async () => expect.poll(() => table.batches.length).toBeGreaterThan(0)
    await abortAfter(port, '/', cuts.at(-1)!, 'a.csv', inserted)
    await expect.poll(() => table.uploads.size).toBe(0)
  })

  test('a handler that keeps the file keeps its rows, and any other leaves none', async () => {
    const table = new MapTable()
    const keep = ({ files }: Handling): unknown => (files['f']![0]!.keep().stored as Stored).rows
    const mount = { storage: rowsInto(table, Order) }
    const { port } = await start({ mount, routes: [{ path: '/' }, { path: '/keep', handler: keep }] })
    const send = async (path: string): Promise<unknown> => {
      const body = new FormData()
      body.append('f', new Blob(['item,count\nlamp,2\n']), 'orders.csv')
      return (await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body })).json()
    }
    expect(await send('/keep')).toBe(1)
    await send('/')
    await expect.poll(() => [...table.uploads.values()]).toEqual([[{ item: 'lamp', count: 2 }]])
  })
})
