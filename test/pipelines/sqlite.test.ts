import { afterAll, beforeAll, expect, test } from 'vitest'
import { abortAfter } from './abort.js'
import { newerNode, runServer, type Server } from './run-server.js'

const MiB = 1024 * 1024
let server: Server
beforeAll(async () => {
  server = await runServer({}, newerNode)
})
afterAll(() => server.stop())

const header = Buffer.from('item,count\n')
const rows = Buffer.from(`${'x'.repeat(1000)},2\n`.repeat(1000))

function* csv(thousands: number, last = ''): Generator<Buffer> {
  yield header
  for (let sent = 0; sent < thousands; sent += 1) yield rows
  yield Buffer.from(last)
}

test('a bad row at the end of many is a 422 that names its line', async () => {
  const answer = await server.upload('/rows', csv(20, 'lamp,none\n'))
  expect(answer).toMatchObject({
    status: 422,
    errors: [{ message: expect.stringContaining('Line 20002: count') }],
  })
})

test('50 clients that go away leave the server at work', async () => {
  const bytes = Buffer.concat([header, rows])
  const cuts = Array.from({ length: 50 }, (_, at) => bytes.subarray(0, Math.floor((bytes.length * at) / 50)))
  await Promise.all(cuts.map((cut) => abortAfter(server.port, '/rows', cut)))
  expect(await server.upload('/rows', [header])).toEqual([[header.length, []]])
  expect((await server.held()).rss / MiB).toBeLessThan(1024)
})
