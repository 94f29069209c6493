/** Storages that fail in every possible way. */
import {
  Connection,
  expectInStep,
  expectInStepOrClosed,
  field,
  file,
  form,
  head,
  multipartX,
  type Sent,
} from '../../adapters/client.js'
import { Random } from '../../fuzz/random.js'
import { inParallel, tally } from '../in-parallel.js'
import type { Deeds, Kind } from '../row.js'

/** How many requests at once. */
const width = 24

/** The expected status for each fault; server/faulty-storage.js explains the names. */
const faults: readonly (readonly [name: string, status: number])[] = [
  ...['disk', 'named', 'spool'].flatMap((storage) =>
    [
      ['open EMFILE', 500],
      ['open ENFILE', 500],
      ['open EACCES', 500],
      ['open ENOSPC', 507],
      ['write EIO', 500],
      ['write ENOSPC', 507],
      ['write EDQUOT', 507],
      ['close EIO', 500],
      ['close ENOSPC', 507],
    ].map(([what, status]) => [`${storage} ${what}`, Number(status)] as const),
  ),
  ['disk sync EIO', 500],
  ['disk rename EIO', 500],
  ['disk rename ENOENT', 500],
  ['disk rename ENOSPC', 507],
  ['named link EIO', 500],
  ['named link ENOSPC', 507],
  ['disk vanish', 500],
  ['spool vanish', 500],
  ['throws at once', 500],
  ['rejects at once', 500],
  ['rejects with nothing', 500],
  ['fails in the middle', 500],
  ['fails at the end', 507],
  ['destroys its stream', 500],
  ['never settles', 500],
  ['reads nothing and never settles', 500],
  ['declines after a look', 500],
  ['declines', 400],
]

/** Files that are stored, also after short writes. */
const harmless = ['disk', 'spool', 'named', 'disk short', 'spool short', 'is late']

export const storageFaults: Kind = {
  name: 'storage faults',
  count: 1000,
  least: faults.length,
  async run(server, count, seed): Promise<Deeds> {
    const broken: string[] = []
    const statuses = await inParallel(count, width, async (index) => {
      const [fault, status] = faults[index % faults.length]!
      const sent = formWith(fault, new Random(seed + index))
      const answered = await statusOf(server.port, sent).catch(String)
      if (answered !== status) broken.push(`"${fault}" in seed ${seed + index}: ${answered}, not ${status}`)
      return answered
    })
    const sound = await inParallel(Math.ceil(count / 10), width, (index) => {
      const random = new Random(seed + index)
      return statusOf(server.port, formOf([random.pick(harmless)], random)).catch(String)
    })
    if (sound.some((status) => status !== 200)) broken.push(`without a fault: ${tally(sound)}`)
    return { tried: count, seen: `${faults.length} faults; answers ${tally(statuses)}`, broken }
  },
}

/** A form in which storing one file fails, and storing up to two others does not. */
function formWith(fault: string, random: Random): Sent {
  const names = Array.from({ length: random.below(3) }, () => random.pick(harmless))
  names.splice(random.below(names.length + 1), 0, fault)
  return formOf(names, random)
}

function formOf(names: readonly string[], random: Random): Sent {
  // Large enough that every storage opens a file.
  const parts = names.map((name, at) => {
    const size = 2000 + random.below(random.pick([10_000, 700_000]))
    return [file(`f${at}`, `${name}.bin`), 'x'.repeat(size)] as const
  })
  return { path: '/fault', type: multipartX, body: form('X', [field('a'), '1'], ...parts) }
}

async function statusOf(port: number, sent: Sent): Promise<number> {
  const connection = await Connection.open(port)
  try {
    const answer = await connection.write(head(sent)).write(sent.body!).answer()
    if (answer.status < 500) await expectInStep(connection, answer)
    else await expectInStepOrClosed(connection)
    return answer.status
  } finally {
    connection.destroy()
  }
}
