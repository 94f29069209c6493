/** Clients that send a byte every ten seconds, and their effect on other clients. */
import { setTimeout as delay } from 'node:timers/promises'
import { Connection, field, file, form, head, multipartX } from '../../adapters/client.js'
import { Random } from '../../fuzz/random.js'
import { inParallel } from '../in-parallel.js'
import type { Deeds, Kind } from '../row.js'
import type { ServerProcess } from '../server-process.js'

/** Milliseconds between two bytes of a slow client. */
const pause = 10_000

/** How many clients open their connection at once. */
const width = 50

/** Milliseconds by which the p99 may always grow: less is noise from other load on the machine. */
const noise = 10

const slowBody = form('X', [field('a'), 'slow'], [file('f', 'slow.txt'), 'x'.repeat(3000)])
const quickBody = form('X', [field('a'), 'quick'], [file('f', 'quick.txt'), 'x'.repeat(3000)])
const paths = ['/disk', '/spool', '/memory', '/eager', '/lazy', '/parts']

export const slowClients: Kind = {
  name: 'slow clients',
  count: 1000,
  least: 50,
  async run(server, count, seed): Promise<Deeds> {
    // A short run ends before the second byte.
    const isShort = count < 1000
    const window = isShort ? 300 : 5000
    const [alone, beside] = isShort ? [1, 3] : [3, 7]
    await latencies(server.port, window)
    const before = await p99s(server.port, alone, window)
    const clients = await inParallel(count, width, (index) => SlowClient.begin(server.port, seed + index))
    const connections = await whenAccepted(server, count)
    const pacing = Promise.all(clients.map((client) => client.pace(beside * window)))
    const during = median(await p99s(server.port, beside, window))
    await pacing
    const statuses = await inParallel(count, width, (index) => clients[index]!.finish().catch(String))
    // The other load on the machine may have changed.
    const without = median([...before, ...(await p99s(server.port, alone, window))])
    const broken = []
    if (connections !== count) broken.push(`${connections} of ${count} slow clients were connected`)
    if (!isShort && during > Math.max(2 * without, without + noise))
      broken.push(`the p99 of the others went from ${without.toFixed(1)} to ${during.toFixed(1)} ms`)
    const failed = statuses.filter((status) => status !== 200)
    if (failed.length > 0) broken.push(`${failed.length} slow clients were answered ${failed[0]}`)
    const seen = `p99 of the others ${during.toFixed(1)} ms beside them, ${without.toFixed(1)} ms before and after; then each sent its rest: ${count} × 200`
    return { tried: count, seen, broken }
  },
}

class SlowClient {
  readonly #connection: Connection
  readonly #random: Random
  #at: number

  private constructor(connection: Connection, random: Random, at: number) {
    this.#connection = connection
    this.#random = random
    this.#at = at
  }

  /** Sends a part of its request. */
  static async begin(port: number, seed: number): Promise<SlowClient> {
    const random = new Random(seed)
    const connection = await Connection.open(port)
    const at = random.below(slowBody.length - 50)
    connection.write(head({ path: random.pick(paths), type: multipartX, body: slowBody }))
    connection.write(slowBody.slice(0, at))
    return new SlowClient(connection, random, at)
  }

  /** Sends a byte now and then for this long. */
  async pace(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds
    let wait = this.#random.below(Math.min(pause, milliseconds))
    while (performance.now() + wait < end) {
      await delay(wait)
      this.#connection.write(slowBody.charAt(this.#at))
      this.#at += 1
      wait = pause
    }
    await delay(Math.max(0, end - performance.now()))
  }

  /** Sends the rest. */
  async finish(): Promise<number> {
    const { status } = await this.#connection.write(slowBody.slice(this.#at)).answer()
    this.#connection.destroy()
    return status
  }
}

/** The durations in milliseconds of uploads in sequence on each of four connections. */
async function latencies(port: number, duration: number): Promise<number[]> {
  const end = performance.now() + duration
  const taken: number[] = []
  await inParallel(4, 4, async () => {
    const connection = await Connection.open(port)
    const request = head({ path: '/memory', type: multipartX, body: quickBody }) + quickBody
    while (performance.now() < end) {
      const started = performance.now()
      await connection.write(request).answer()
      taken.push(performance.now() - started)
    }
    connection.destroy()
  })
  return taken
}

/** The p99 of each of several windows. */
function p99s(port: number, windows: number, window: number): Promise<number[]> {
  return inParallel(windows, 1, async () => {
    const values = await latencies(port, window)
    return values.toSorted((one, other) => one - other)[Math.floor(values.length * 0.99)]!
  })
}

/** Ignores short bursts of other load on the machine. */
function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!
}

/** How many connections the server has after it has accepted all that are waiting. */
async function whenAccepted(server: ServerProcess, count: number): Promise<number> {
  for (let looks = 0; ; looks += 1) {
    const { connections } = await server.ask('census')
    if (connections === count || looks === 100) return connections
    await delay(50)
  }
}
