/** An app for one test, a directory, and a measure of work. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import { chunk, Connection, exchange, head, type Answer, type Sent } from '../adapters/client.js'
import { type App, type Description, type Framework } from '../adapters/frameworks.js'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** Starts an app, which is closed at the end of the test. */
export async function serve({ start }: Framework, description: Description): Promise<App> {
  const app = await start(description)
  ends.push(() => app.close())
  return app
}

/** Makes a directory, which is removed at the end of the test. */
export async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'advisories-'))
  ends.push(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Expects every file to be removed, at the latest when the response has ended. */
export async function expectEmpty(directory: string): Promise<void> {
  await expect.poll(() => readdir(directory)).toEqual([])
}

/** Expects the server to answer a request on a new connection. */
export async function expectAlive({ port }: App): Promise<void> {
  const answer = await exchange(port, { method: 'GET', path: '/alive', framing: 'none' })
  expect([answer.status, answer.body]).toEqual([200, 'alive'])
}

/**
 * Expects a body to cost at most ten times the processor time of an ordinary one of the same size. Client and server
 * share this process, so 50 ms are granted for everything else it does.
 */
export async function expectBounded(
  { port }: App,
  hostile: Sent,
  ordinary: Sent,
): Promise<{ hostile: Answer; ordinary: Answer }> {
  expect(Buffer.byteLength(hostile.body!) / Buffer.byteLength(ordinary.body!)).toBeCloseTo(1, 1)
  const costs = { hostile: Infinity, ordinary: Infinity }
  const answers: Partial<Record<'hostile' | 'ordinary', Answer>> = {}
  // The least of three: the first one compiles the code. What took no more than is granted anyway needs no other.
  for (let round = 0; round < 3 && costs.hostile > 50; round += 1) {
    for (const [kind, sent] of [['ordinary', ordinary] as const, ['hostile', hostile] as const]) {
      const before = process.cpuUsage()
      answers[kind] = await exchange(port, sent)
      const { user, system } = process.cpuUsage(before)
      costs[kind] = Math.min(costs[kind], (user + system) / 1000)
    }
  }
  expect(costs.hostile).toBeLessThan(costs.ordinary * 10 + 50)
  return answers as { hostile: Answer; ordinary: Answer }
}

/** Sends the same bytes repeatedly, chunked, until the server answers. @returns the answer, and the bytes sent by then */
export async function flood(
  { port }: App,
  sent: Sent,
  start: string,
  unit: string,
): Promise<{ answer: Answer; sent: number }> {
  const connection = await Connection.open(port)
  connection.write(head({ ...sent, framing: 'chunked' }))
  // An empty chunk would be the last.
  if (start !== '') connection.write(chunk(start))
  const piece = chunk(unit.repeat(Math.ceil(65_536 / unit.length)))
  let bytes = 0
  const sending = setInterval(() => {
    bytes += piece.length
    connection.write(piece)
  }, 1)
  try {
    return { answer: await connection.answer(), sent: bytes }
  } finally {
    clearInterval(sending)
    connection.destroy()
  }
}
