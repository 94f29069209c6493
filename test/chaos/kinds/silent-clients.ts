/** Clients that stop sending, against the `idle` limit, and clients that never stop, against Node's `requestTimeout`. */
import { setTimeout as delay } from 'node:timers/promises'
import { Connection, field, file, form, head, multipartX } from '../../adapters/client.js'
import { Random } from '../../fuzz/random.js'
import { inParallel, tally } from '../in-parallel.js'
import type { Deeds, Kind } from '../row.js'

/** How many clients at once. */
const width = 200

/** One in so many clients reads its answer and waits until it is cut off. */
const waits = 100
const body = form('X', [field('a'), 'y'.repeat(500)], [file('f', 'f.txt'), 'x'.repeat(5000)])
const sent = { path: '/idle', type: multipartX, body }

export const silentClients: Kind = {
  name: 'silent clients',
  count: 1000,
  least: 50,
  async run(server, count, seed): Promise<Deeds> {
    const broken: string[] = []
    const answers = await inParallel(count, width, async (index) => {
      const random = new Random(seed + index)
      const connection = await Connection.open(server.port)
      connection.write(head(sent)).write(body.slice(0, random.below(body.length - 1)))
      try {
        const { status, json, headers } = await connection.answer()
        if (index % waits < waits - 1) connection.end()
        await connection.closed()
        return `${status} ${json.code}, Connection: ${headers['connection']}`
      } catch (error) {
        return String(error)
      }
    })
    const due = '408 IDLE_TIMEOUT, Connection: close'
    if (answers.some((answer) => answer !== due)) broken.push(tally(answers))
    return { tried: count, seen: tally(answers), broken }
  },
}

/** The error of a client whose connection was closed before it read anything. */
const cutOff = 'the connection was closed. Received: ""'

/** Milliseconds in place of Node's 300 s. */
const requestTimeout = 1000

export const endlessClients: Kind = {
  name: 'endless clients',
  count: 100,
  least: 20,
  async run(server, count, seed): Promise<Deeds> {
    const usual = await server.ask('requestTimeout', requestTimeout)
    try {
      const answers = await inParallel(count, count, async (index) => {
        const random = new Random(seed + index)
        const connection = await Connection.open(server.port)
        connection.write(head(sent))
        // Never silent for the idle time.
        for (let at = 0; at < body.length - 1 && !connection.isClosed; at += 1) {
          connection.write(body.charAt(at))
          await delay(50 + random.below(50))
        }
        return connection.answer().then(({ status, body }) => `${status} ${body || 'without a body'}`, String)
      })
      // Node closes the connection right after its answer, which a client that is still sending may lose.
      const due = answers.every((answer) => answer.startsWith('408') || answer.endsWith(cutOff))
      const broken = due ? [] : [tally(answers)]
      return {
        tried: count,
        seen: `requestTimeout of 1 s: ${tally(answers)} (set to ${usual} ms by default)`,
        broken,
      }
    } finally {
      await server.ask('requestTimeout', usual)
    }
  },
}
