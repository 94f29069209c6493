/** What runs around Formgate: timeouts above that answer midway, and responses of Lambda adapters. */
import { Connection, chunk, field, file, form, head, multipartX, type Sent } from '../../adapters/client.js'
import { Random } from '../../fuzz/random.js'
import { inParallel, tally } from '../in-parallel.js'
import { bufferGrowth, type Deeds, type Kind } from '../row.js'

/** How many clients at once. */
const width = 100

const storing = ['/timed/disk', '/timed/named', '/timed/spool', '/timed/memory']
const reading = [...storing, '/timed/eager']

/** A client stalls, reads the 503 of the timeout and goes away. */
export const timeoutsAbove: Kind = {
  name: 'timeouts above',
  count: 1000,
  least: 60,
  async run(server, count, seed): Promise<Deeds> {
    const before = await server.ask('inMemory')
    const answers = await inParallel(count, width, async (index) => {
      const random = new Random(seed + index)
      const sent = requestOf(random)
      const connection = await Connection.open(server.port)
      const content = sent.body.slice(0, random.below(sent.body.length - 1))
      connection.write(head(sent))
      if (content !== '') connection.write(sent.framing === 'chunked' ? chunk(content) : content)
      const answer = await connection.answer().then(({ status }) => String(status), String)
      const way = random.pick(['destroy', 'reset', 'half-close'] as const)
      if (way === 'destroy') connection.destroy()
      else if (way === 'reset') connection.reset()
      else await connection.end().closed()
      return answer
    })
    const broken = answers.every((answer) => answer === '503') ? [] : [tally(answers)]
    // What was read goes at once, though others hold the requests for some seconds more: connect-timeout does.
    await server.whenAlone()
    const { buffers } = await server.ask('inMemory')
    if (buffers - before.buffers > bufferGrowth)
      broken.push(`${buffers - before.buffers} bytes of buffers left`)
    return {
      tried: count,
      seen: `a stalled upload, its answer and a client that leaves: ${tally(answers)}`,
      broken,
    }
  },
}

function requestOf(random: Random): Sent & { readonly body: string } {
  const content = 'x'.repeat(1 + random.below(random.pick([100, 5000, 300_000])))
  const framing = random.pick(['length', 'chunked'] as const)
  const whole = form('X', [field('a'), 'y'.repeat(1 + random.below(2000))], [file('f', 'f.txt'), content])
  const multipart = { path: random.pick([...reading, '/timed/parts']), type: multipartX, body: whole }
  const raw = {
    path: random.pick(storing),
    type: 'application/octet-stream',
    headers: { 'Content-Disposition': 'attachment; filename="f.txt"' },
    body: content,
  }
  const json = { path: random.pick(reading), type: 'application/json', body: JSON.stringify({ content }) }
  const urlEncoded = {
    path: random.pick(reading),
    type: 'application/x-www-form-urlencoded',
    body: `a=${content}`,
  }
  return { ...random.pick([multipart, multipart, raw, json, urlEncoded]), framing }
}

/** Requests through an adapter for AWS Lambda. */
export const lambdaRequests: Kind = {
  name: 'Lambda requests',
  count: 1000,
  least: 60,
  async run(server, count): Promise<Deeds> {
    const statuses = await server.ask('events', count)
    const seen = Object.entries(statuses)
      .map(([status, times]) => `${times} × ${status}`)
      .join(', ')
    const broken = statuses['200'] === count ? [] : [seen]
    return { tried: count, seen: `responses that "finish" and never "close": ${seen}`, broken }
  },
}
