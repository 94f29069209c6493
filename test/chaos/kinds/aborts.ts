/** Clients that go away: in every phase of a request and in every way. */
import { setTimeout as delay } from 'node:timers/promises'
import {
  chunk,
  Connection,
  field,
  file,
  form,
  head,
  lastChunk,
  multipartX,
  type Sent,
} from '../../adapters/client.js'
import { Random } from '../../fuzz/random.js'
import { inParallel } from '../in-parallel.js'
import type { Deeds, Kind } from '../row.js'
import type { FrameworkName, ServerProcess } from '../server-process.js'

const ways = ['destroy', 'reset', 'half-close'] as const

/** Phases that the client knows from what it has sent, and phases that the server reports. */
const sending = ['head', 'between parts', 'in a header', 'in a field', 'in a file', 'raw or JSON'] as const
const serving = ['before storing', 'storing', 'validating', 'handling', 'answering', 'streaming'] as const
const phases = [...sending, ...serving]

type Phase = (typeof phases)[number]

/** The path of a request of each phase. */
const paths: Partial<Record<Phase, readonly string[]>> = {
  'raw or JSON': ['/disk', '/spool', '/memory'],
  'before storing': ['/disk', '/named', '/spool', '/memory', '/eager', '/lazy', '/typed'],
  storing: ['/disk', '/named', '/spool', '/memory', '/eager', '/lazy', '/typed'],
  validating: ['/typed'],
  handling: ['/disk', '/named', '/spool', '/memory', '/eager', '/lazy', '/typed'],
  answering: ['/echo'],
  streaming: ['/parts'],
}
const anywhere = ['/disk', '/named', '/spool', '/memory', '/eager', '/lazy', '/typed', '/echo', '/parts']

/** Errors of the framework itself for a client that leaves while a stream is sent. */
const framework: Partial<Record<FrameworkName, string>> = { fastify: 'ERR_STREAM_PREMATURE_CLOSE' }

/** How many clients run at once. */
const width = 48

interface Attempt extends Sent {
  readonly phase: Phase
  readonly way: (typeof ways)[number]
  readonly id: string
  readonly path: string
  readonly body: string
  readonly framing: 'length' | 'chunked'
}

export const aborts: Kind = {
  name: 'aborts',
  count: 10_000,
  least: phases.length * ways.length,
  async run(server, count, seed): Promise<Deeds> {
    const before = await server.ask('census')
    const broken: string[] = []
    await inParallel(count, width, async (index) => {
      const random = new Random(seed + index)
      const attempt = attemptOf(random, index)
      await abort(server, attempt, random).catch((error: unknown) => {
        broken.push(`${attempt.phase}, ${attempt.way}, ${attempt.path}: ${String(error)}`)
      })
    })
    const after = await server.whenAlone()
    let unnoticed = 0
    for (const phase of serving) {
      const due = attemptsIn(phase, count)
      const seen = (after.interrupted[phase] ?? 0) - (before.interrupted[phase] ?? 0)
      const answered = (after.answered[phase] ?? 0) - (before.answered[phase] ?? 0)
      // Node does not notice that a client has gone while its socket is not read.
      if (phase === 'before storing') unnoticed = answered
      else if (answered > 0) broken.push(`${answered} were answered although they had gone while ${phase}`)
      if (seen + answered !== due) broken.push(`${due} should have gone while ${phase}, but ${seen} did`)
    }
    for (const [code, times] of Object.entries(after.errors)) {
      const known =
        code === 'CLIENT_ABORTED'
          ? Infinity
          : code === framework[server.framework]
            ? attemptsIn('answering', count)
            : 0
      const more = times - (before.errors[code] ?? 0)
      if (more > known) broken.push(`${more} errors for the log: ${code}`)
    }
    const held = unnoticed === 0 ? '' : `; ${unnoticed} that were held back were answered without a notice`
    const seen = `in each of ${phases.length} phases by ${ways.join(', ')}${held}`
    return { tried: count, seen, broken }
  },
}

/** How many of the first `count` attempts are of a phase. */
function attemptsIn(phase: Phase, count: number): number {
  return Array.from({ length: count }, (_, index) => phases[index % phases.length]).filter(
    (each) => each === phase,
  ).length
}

function attemptOf(random: Random, index: number): Attempt {
  const phase = phases[index % phases.length]!
  const way = ways[Math.floor(index / phases.length) % ways.length]!
  const id = `abort-${index}`
  const content = 'x'.repeat(1 + random.below(random.pick([100, 5000, 300_000])))
  const whole = form(
    'X',
    [field('a'), id],
    [field('b'), 'y'.repeat(1 + random.below(2000))],
    [file('f', id), content],
  )
  const base = {
    phase,
    way,
    id,
    path: random.pick(paths[phase] ?? anywhere),
    framing: random.pick(['length', 'chunked'] as const),
    type: multipartX,
    headers: { 'X-Id': id, 'X-Stop': phase },
    body: whole,
  }
  if (phase !== 'raw or JSON') return base
  if (random.chance(0.5)) return { ...base, type: 'application/json', body: JSON.stringify({ a: content }) }
  const headers = { ...base.headers, 'Content-Disposition': `attachment; filename="${id}"` }
  return { ...base, type: 'application/octet-stream', headers, body: content }
}

/** How many bytes of the body are sent before the client leaves. */
function cutOf({ phase, body }: Attempt, random: Random): number {
  const within = (from: number, to: number): number => from + random.below(Math.max(1, to - from))
  const second = body.indexOf('--X', 3)
  const third = body.indexOf('--X', second + 3)
  const contents = body.indexOf('\r\n\r\n', third) + 4
  switch (phase) {
    case 'head':
      return 0
    case 'between parts':
      return random.pick([second, second + 5, third, third + 5, body.length - 4])
    case 'in a header':
      return random.pick([within(6, 40), within(second + 6, second + 30), within(third + 6, contents - 2)])
    case 'in a field':
      return within(body.indexOf('\r\n\r\n', second) + 5, third - 2)
    case 'in a file':
      return within(contents, body.length - 7)
    case 'raw or JSON':
      return within(1, body.length)
    default:
      return body.length
  }
}

async function abort(server: ServerProcess, attempt: Attempt, random: Random): Promise<void> {
  const { phase, way, id, body, framing } = attempt
  const isServing = (serving as readonly string[]).includes(phase)
  const connection = await Connection.open(server.port)
  const reached = isServing ? server.reaches(id, phase) : Promise.resolve()
  const headText = head(attempt)
  const end = cutOf(attempt, random)
  if (phase === 'head') {
    connection.write(headText.slice(0, 1 + random.below(headText.length)))
  } else {
    connection.write(headText)
    const sent = body.slice(0, end)
    connection.write(framing === 'chunked' ? chunk(sent) : sent)
    if (framing === 'chunked' && end === body.length) connection.write(lastChunk)
  }
  await reached
  if (random.chance(0.7)) await delay(random.below(5))
  if (way === 'destroy') connection.destroy()
  else if (way === 'reset') connection.reset()
  else await connection.end().closed()
}
