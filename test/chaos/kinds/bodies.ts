/** Malformed and hostile bodies on a real connection. */
import { Connection, expectInStep, head } from '../../adapters/client.js'
import { buildSpecimen } from '../../fuzz/grammar.js'
import { mutate } from '../../fuzz/mutations.js'
import { Random } from '../../fuzz/random.js'
import { inParallel, tally } from '../in-parallel.js'
import type { Deeds, Kind } from '../row.js'

/** How many requests at once. */
const width = 16
const paths = ['/disk', '/named', '/spool', '/memory', '/eager', '/lazy', '/typed', '/parts']

export const bodies: Kind = {
  name: 'fuzzed bodies',
  count: 10_000,
  least: 100,
  async run(server, count, seed): Promise<Deeds> {
    const broken: string[] = []
    const statuses = await inParallel(count, width, async (index) => {
      const status = await answerTo(server.port, seed + index).catch(String)
      if (typeof status === 'string' || status >= 500) broken.push(`seed ${seed + index}: ${status}`)
      return status
    })
    return { tried: count, seen: `answers ${tally(statuses)}`, broken }
  },
}

async function answerTo(port: number, seed: number): Promise<number> {
  const random = new Random(seed)
  const built = buildSpecimen(random)
  const { contentType, body } = random.chance(0.8) ? mutate(random, built) : built
  // Node refuses a header with such a byte before the app sees it.
  const type = contentType.replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
  const connection = await Connection.open(port)
  try {
    connection.write(Buffer.from(head({ path: random.pick(paths), type, body }), 'latin1')).write(body)
    const answer = await connection.answer()
    await expectInStep(connection, answer)
    return answer.status
  } finally {
    connection.destroy()
  }
}
