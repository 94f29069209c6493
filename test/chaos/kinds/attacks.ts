/** Clients that try to cost as much as possible: memory, processor time and bytes of answers. */
import { once } from 'node:events'
import { get, request, type ClientRequest, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { allowedAnswer, allowedCpu } from '../../fuzz/hostile/allowed.js'
import { known, type KnownName } from '../../fuzz/hostile/known.js'
import { payloadOf } from '../../fuzz/hostile/payload.js'
import type { Recipe } from '../../fuzz/hostile/recipe.js'
import { tally } from '../in-parallel.js'
import type { Deeds, Figures, Kind } from '../row.js'
import type { Memory, ServerProcess } from '../server-process.js'

const MiB = 1024 * 1024

/** Milliseconds for serving all clients of an attack. */
const patience = 180_000

/** Milliseconds that another request may wait, with room for other load on the machine. */
const longestWait = patience

/** The allowed multiple of the promised processor time: the machine may be slow, and busy with other processes. */
const slack = 10

/** Bytes that may be held beyond what the clients have sent: in total, and per connection. */
const beside = { together: 2 * MiB, each: MiB / 4 }

interface Attack {
  readonly name: string
  readonly body: KnownName
  /** One of server/attacked-routes.js. */
  readonly path: string
  /** Bytes that may be held for each byte sent. Default 4. */
  readonly perByte?: number
  /** The status of every answer, if only one is right. */
  readonly status?: number
  readonly clients?: number
}

/** Bytes of parsed JSON that may be held for each byte of its text. */
const ofJson = 24

/** 100,000 JSON values take up to 14 MiB, so that 512 MB are not enough for 50 clients. */
const fewer = 20

const attacks: readonly Attack[] = [
  { name: 'dashes in URL-encoded parts', body: 'dashes-in-parts', path: '/any' },
  { name: 'wrong items, as brotli', body: 'wrong-items-compressed', path: '/strings' },
  { name: 'wrong options', body: 'wrong-options', path: '/options' },
  { name: 'JSON, end withheld', body: 'withheld-json', path: '/any' },
  { name: 'JSON as brotli, end withheld', body: 'withheld-brotli', path: '/any' },
  { name: 'JSON as gzip, end withheld', body: 'withheld-gzip', path: '/any' },
  { name: 'form as deflate, end withheld', body: 'withheld-compressed-form', path: '/any' },
  { name: 'empty objects in JSON parts', body: 'empty-objects-in-parts', path: '/any', perByte: ofJson },
  { name: 'empty objects, as brotli', body: 'empty-objects-compressed', path: '/any', perByte: ofJson },
  {
    name: 'most wrong items',
    body: 'most-wrong-items',
    path: '/strings',
    perByte: ofJson,
    status: 422,
    clients: fewer,
  },
  {
    name: 'most empty objects',
    body: 'most-empty-objects',
    path: '/any',
    perByte: ofJson,
    status: 200,
    clients: fewer,
  },
  {
    name: 'most empty objects in JSON parts',
    body: 'most-empty-objects-in-parts',
    path: '/any',
    perByte: ofJson,
    status: 200,
    clients: fewer,
  },
  {
    name: 'most distinct keys',
    body: 'most-distinct-keys',
    path: '/any',
    perByte: ofJson,
    status: 200,
    clients: fewer,
  },
  {
    name: 'most keys of one object',
    body: 'most-distinct-keys-of-one',
    path: '/any',
    perByte: ofJson,
    status: 200,
    clients: fewer,
  },
  { name: 'open lists', body: 'open-lists', path: '/any' },
  { name: 'a million fields in parts', body: 'fields-in-parts', path: '/any' },
  { name: 'Content-Disposition parameters', body: 'disposition-parameters', path: '/any' },
  { name: 'header lines of files, end withheld', body: 'header-lines-of-files', path: '/any' },
  {
    name: 'most header lines of files, end withheld',
    body: 'most-header-lines-of-files',
    path: '/any',
  },
  { name: 'padded headers of files, end withheld', body: 'padded-headers-of-files', path: '/any' },
  // Only the names are kept.
  {
    name: 'padded headers of fields, end withheld',
    body: 'padded-headers-of-fields',
    path: '/any',
    perByte: 0.1,
  },
  {
    name: 'padded headers of JSON parts, end withheld',
    body: 'padded-headers-of-json',
    path: '/any',
    perByte: 0.1,
  },
  { name: 'small JSON parts', body: 'small-json-parts', path: '/any', perByte: ofJson, status: 200 },
  { name: 'small form parts', body: 'small-form-parts', path: '/any', status: 200 },
  { name: 'small files', body: 'small-files', path: '/any', status: 200 },
  { name: 'small fields', body: 'small-fields', path: '/any', status: 200 },
  { name: 'parts in another charset', body: 'parts-in-another-charset', path: '/any', status: 200 },
  { name: 'bad escapes', body: 'bad-escapes', path: '/any', status: 200 },
  { name: 'single bytes', body: 'single-bytes', path: '/any', status: 200 },
  { name: 'false delimiters', body: 'false-delimiters', path: '/any', status: 200 },
  { name: 'a storage that stops early', body: 'one-file', path: '/stops-early' },
  { name: 'a storage that destroys its stream', body: 'one-file', path: '/destroys' },
  { name: 'a recursive schema', body: 'recursive-schema', path: '/number-or-list', status: 422 },
  { name: '__proto__ in JSON parts', body: 'prototype-keys', path: '/any', status: 400 },
  { name: 'files of unknown names', body: 'files-of-other-names', path: '/flat' },
  // Only the short value is kept, not the body around it.
  { name: 'short values kept', body: 'short-value-of-a-long-body', path: '/keeping', perByte: 0.1 },
  { name: 'an inspector that rejects', body: 'one-file', path: '/rejecting-inspector', status: 500 },
  {
    name: 'an inspector that transfers the bytes',
    body: 'one-file',
    path: '/transferring-inspector',
    status: 500,
  },
]

/** Attacks on a process of 512 MB. */
export const attackKinds: readonly Kind[] = attacks.map(kindOf)

/** A hundred clients that each use up every limit, in a process without a memory limit. */
export const everythingWithheld: Kind = kindOf({
  name: 'everything at once, end withheld',
  body: 'withheld-everything',
  path: '/any',
  clients: 100,
})

/** The names of all attacks, in the order of the page. */
export const attackNames: readonly string[] = [...attackKinds, everythingWithheld].map(({ name }) => name)

function kindOf(attack: Attack): Kind {
  return {
    name: attack.name,
    count: attack.clients ?? 50,
    least: 8,
    warmUp: (server) => cpuOfOne(attack, server, bodyOf(attack)),
    run: (server, count) => run(attack, server, count),
  }
}

/** The last one: it is sent many times, and may have tens of megabytes. */
let built: { readonly body: KnownName; readonly bytes: Buffer } | undefined

function bodyOf({ body }: Attack): Buffer {
  if (built?.body !== body) built = { body, bytes: payloadOf(known[body], Infinity) }
  return built.bytes
}

async function run(attack: Attack, server: ServerProcess, clients: number): Promise<Deeds> {
  const body = bodyOf(attack)
  const costs = [
    await cpuOfOne(attack, server, body),
    await cpuOfOne(attack, server, body),
    await cpuOfOne(attack, server, body),
  ]
  const all = await many(attack, server, body, clients)
  const figures: Figures = { clients, cpu: Math.min(...costs), ...all.figures }
  return {
    tried: clients,
    seen: seenIn(figures, all.answers),
    broken: brokenBy(attack, figures, all),
    figures,
  }
}

/** Milliseconds of processor time for a client that has the server to itself. */
async function cpuOfOne(attack: Attack, server: ServerProcess, body: Buffer): Promise<number> {
  const before = await server.ask('usage')
  const client = new Client(server.port, attack, body)
  await settled(server, [client], before.waiting)
  const after = await server.ask('usage')
  client.destroy()
  await server.whenAlone()
  return after.cpu - before.cpu
}

interface Outcome {
  readonly figures: Omit<Figures, 'clients' | 'cpu'>
  readonly answers: readonly string[]
  /** How many new files were in the directory of the server. */
  readonly files: number
  readonly unanswered: number
}

async function many(attack: Attack, server: ServerProcess, body: Buffer, count: number): Promise<Outcome> {
  const before = await server.ask('inMemory')
  const { files } = await server.ask('census')
  const rss = await server.ask('watchMemory')
  await server.ask('hold', 1)
  const others = new OtherRequests(server.port)
  try {
    const clients = Array.from({ length: count }, () => new Client(server.port, attack, body))
    const isSettled = await settled(server, clients, 0)
    // Before the collections that the questions below take.
    const wait = await others.end()
    const peak = await server.ask('peak')
    const during = await server.ask('inMemory')
    const census = await server.ask('census')
    await server.ask('hold', 0)
    const isServed = ({ isDone, isWithheld, hasSent }: Client): boolean => isDone || (isWithheld && hasSent)
    const unanswered = isSettled ? 0 : clients.filter((client) => !isServed(client)).length
    if (!isWithheld(attack))
      await Promise.race([Promise.all(clients.map(({ done }) => done)), delay(patience / 6)])
    for (const client of clients) client.destroy()
    return {
      figures: {
        sent: Math.max(...clients.map(({ sent }) => sent)),
        answer: Math.max(...clients.map(({ received }) => received)),
        held: Math.max(0, holdingOf(during) - holdingOf(before)),
        rss: Math.max(0, peak - rss),
        wait,
      },
      answers: clients.map(({ outcome }) => outcome),
      files: census.files.length - files.length,
      unanswered,
    }
  } finally {
    await others.end()
  }
}

const isWithheld = ({ body }: Attack): boolean => known[body].ending === 'withheld'

const holdingOf = ({ heap, external }: Memory): number => heap + external

/**
 * Waits until every client has its answer or its handler holds its body. If the clients withhold the end, waits until the
 * server is idle.
 *
 * @returns false if that did not happen in time
 */
async function settled(server: ServerProcess, clients: readonly Client[], waiting: number): Promise<boolean> {
  const end = performance.now() + patience
  let cpu = 0
  let quiet = 0
  while (performance.now() < end) {
    const usage = await server.ask('usage')
    const done = clients.filter(({ isDone }) => isDone).length
    if (done + usage.waiting - waiting >= clients.length) return true
    quiet = usage.cpu - cpu < 5 && clients.every(({ hasSent }) => hasSent) ? quiet + 1 : 0
    // A server that waits for storageTimeout is idle too.
    if (quiet >= (clients.every(({ isWithheld }) => isWithheld) ? 5 : 60)) return clients[0]!.isWithheld
    cpu = usage.cpu
    await delay(50)
  }
  return false
}

/** One attacker. */
class Client {
  readonly isWithheld: boolean
  /** Settles with the answer or the end of the connection. */
  readonly done: Promise<void>
  readonly #request: ClientRequest
  hasSent = false
  isDone = false
  /** Bytes of the answer's body. */
  received = 0
  outcome = 'no answer'

  constructor(port: number, attack: Attack, body: Buffer) {
    const { contentType, encoding } = known[attack.body] as Recipe
    this.isWithheld = isWithheld(attack)
    this.#request = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: attack.path,
      agent: false,
      headers: {
        'Content-Type': contentType,
        'Content-Length': body.length + (this.isWithheld ? 1 : 0),
        ...(encoding !== '' && { 'Content-Encoding': encoding }),
      },
    })
    this.done = this.#answer()
    const onSent = (): void => void (this.hasSent = true)
    if (this.isWithheld) this.#request.write(body, onSent)
    else this.#request.end(body, onSent)
  }

  get sent(): number {
    return this.#request.socket?.bytesWritten ?? 0
  }

  destroy(): void {
    this.#request.destroy()
  }

  async #answer(): Promise<void> {
    try {
      const [response] = (await once(this.#request, 'response')) as [IncomingMessage]
      this.outcome = String(response.statusCode)
      for await (const chunk of response) this.received += (chunk as Buffer).length
    } catch (error) {
      if (this.outcome === 'no answer') this.outcome = (error as NodeJS.ErrnoException).code ?? String(error)
    }
    this.isDone = this.hasSent = true
    // After the answer, the connection may break.
    this.#request.on('error', () => undefined)
  }
}

/** Sends requests of other clients in sequence during the attack. */
class OtherRequests {
  readonly #port: number
  readonly #running: Promise<void>
  #isOver = false
  #longest = 0

  constructor(port: number) {
    this.#port = port
    this.#running = this.#run()
  }

  /** The longest wait of a request, in milliseconds. */
  async end(): Promise<number> {
    this.#isOver = true
    await this.#running
    return this.#longest
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const start = performance.now()
      const isAnswered = await this.#ask()
      this.#longest = Math.max(this.#longest, isAnswered ? performance.now() - start : Infinity)
      await delay(20)
    }
  }

  #ask(): Promise<boolean> {
    return new Promise((resolve) => {
      const asked = get({ port: this.#port, host: '127.0.0.1', path: '/alive', agent: false }, (response) => {
        response.resume().once('close', () => resolve(response.statusCode === 200))
      })
      asked.setTimeout(patience, () => asked.destroy()).once('error', () => resolve(false))
    })
  }
}

function seenIn(figures: Figures, answers: readonly string[]): string {
  const { clients, sent, cpu, answer, held, rss, wait } = figures
  return [
    `${sent} bytes each`,
    `${cpu.toFixed(0)} ms CPU`,
    `answers ${tally(answers)}, at most ${answer} bytes`,
    `${(held / (sent * clients)).toFixed(1)} bytes held for each`,
    `RSS +${(rss / MiB).toFixed(0)} MiB`,
    `another request waited ${wait.toFixed(0)} ms`,
  ].join(', ')
}

function brokenBy(attack: Attack, figures: Figures, { files, unanswered, answers }: Outcome): string[] {
  const { clients, sent, cpu, answer, held, rss, wait } = figures
  const perByte = attack.perByte ?? 4
  const broken: string[] = []
  const check = (value: number, most: number, what: string): void => {
    if (value > most) broken.push(`${what}: ${value.toFixed(0)}, over ${most.toFixed(0)}`)
  }
  check(cpu, slack * allowedCpu(sent), 'milliseconds of processor time')
  check(answer, allowedAnswer, 'bytes of an answer')
  check(held, perByte * sent * clients + beside.together + beside.each * clients, 'bytes held')
  check(rss, 512 * MiB + 2 * sent * clients, 'bytes of RSS')
  check(wait, longestWait, 'milliseconds that another request waited')
  check(unanswered, 0, 'clients without an answer')
  check(attack.path === '/flat' ? files : 0, 0, 'files stored')
  const wrong = answers.filter((status) => attack.status !== undefined && status !== String(attack.status))
  check(wrong.length, 0, `answers other than ${attack.status}`)
  return broken
}
