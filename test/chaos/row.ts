/** Runs one kind of chaos on a server and measures what remains in its process. */
import { setTimeout as delay } from 'node:timers/promises'
import { tally } from './in-parallel.js'
import type { Census, FrameworkName, Memory, ServerProcess } from './server-process.js'

const MiB = 1024 * 1024

/** Milliseconds for a server to release everything after all its clients have gone. */
const patience = 60_000

/**
 * Bytes by which the heap may have grown after a collection: less than 10,000 requests that leak 2 KB each, a small
 * object with its closures.
 */
const heapGrowth = 16 * MiB

/** Bytes by which buffers may have grown after a collection: slabs of Node itself. */
export const bufferGrowth = 2 * MiB

/** The cost of the clients of an attack to a server. */
export interface Figures {
  readonly clients: number
  /** Bytes that each client has sent, including the header. */
  readonly sent: number
  /** Milliseconds of processor time for a single client. */
  readonly cpu: number
  /** Bytes of the longest answer. */
  readonly answer: number
  /** Bytes that the server held for all clients while they waited, after a collection. */
  readonly held: number
  /** The largest growth of the RSS, in bytes. */
  readonly rss: number
  /** The longest wait of another request for its answer, in milliseconds. */
  readonly wait: number
}

/** The result of a kind of chaos. */
export interface Deeds {
  /** How often it was tried. */
  readonly tried: number
  /** Observations, with figures. */
  readonly seen: string
  /** Promises that were broken. */
  readonly broken: readonly string[]
  /** The measured cost, if it was an attack. */
  readonly figures?: Figures
}

/** A kind of chaos. */
export interface Kind {
  readonly name: string
  /** How often it is tried in a full run, on each framework. */
  readonly count: number
  /** How often it is tried at least, even in the shortest run. */
  readonly least: number
  /** Lets the process create what it keeps after the first request of a kind, such as compiled code. */
  readonly warmUp?: (server: ServerProcess) => Promise<unknown>
  /** @param seed decides every choice */
  readonly run: (server: ServerProcess, count: number, seed: number) => Promise<Deeds>
}

export interface Row extends Deeds {
  readonly kind: string
  /** `undefined` without a server. */
  readonly framework?: FrameworkName
  /** `undefined` if nothing was counted, because the processes were killed or there was none. */
  readonly left?: Left
  readonly seconds: number
}

/** The growth since the start. */
export interface Left {
  readonly files: number
  readonly descriptors: number | undefined
  readonly listeners: number
  readonly unsettled: number
  readonly unhandled: number
  /** Requests and streams in memory. */
  readonly objects: number
  /** Bytes. */
  readonly heap: number
  /** Bytes. */
  readonly rss: number
}

/** Runs it on a server and measures before and after. */
export async function measure(kind: Kind, server: ServerProcess, count: number, seed: number): Promise<Row> {
  const before = { ...(await server.whenAlone()), ...(await server.ask('inMemory')) }
  const started = performance.now()
  const deeds = await kind.run(server, count, seed)
  const seconds = (performance.now() - started) / 1000
  const after = await whenQuiet(server, before)
  return {
    ...deeds,
    kind: kind.name,
    framework: server.framework,
    seconds,
    left: leftOf(before, after),
    broken: [...deeds.broken, ...promisesBroken(before, after), ...(server.said === '' ? [] : [server.said])],
  }
}

type Holdings = Census & Memory

async function whenQuiet(server: ServerProcess, before: Holdings): Promise<Holdings> {
  const end = performance.now() + patience
  for (;;) {
    await server.whenAlone()
    const now = { ...(await server.ask('census')), ...(await server.ask('inMemory')) }
    if (promisesBroken(before, now).length === 0 || performance.now() > end) return now
    await delay(100)
  }
}

function leftOf(before: Holdings, after: Holdings): Left {
  return {
    files: after.files.length - before.files.length,
    descriptors: after.descriptors === undefined ? undefined : after.descriptors - (before.descriptors ?? 0),
    listeners: after.listeners - before.listeners,
    unsettled: after.unsettled - before.unsettled,
    unhandled: after.unhandled.length - before.unhandled.length,
    objects: after.requests + after.streams - before.requests - before.streams,
    heap: after.heap - before.heap,
    rss: after.rss - before.rss,
  }
}

function promisesBroken(before: Holdings, after: Holdings): string[] {
  const left = leftOf(before, after)
  const names = ['files', 'listeners', 'unsettled', 'unhandled', 'objects'] as const
  const said = [
    ...after.files.filter((name) => !before.files.includes(name)).slice(0, 3),
    ...after.unhandled.slice(before.unhandled.length, before.unhandled.length + 3),
  ]
  return [
    ...names.filter((name) => left[name] > 0).map((name) => `${left[name]} ${name} left: ${said.join('; ')}`),
    ...((left.descriptors ?? 0) > 0 ? [`${left.descriptors} descriptors left`] : []),
    ...(after.connections > 0 ? [`${after.connections} connections left`] : []),
    ...(after.resources.length > before.resources.length
      ? [`resources left: ${tally(after.resources)}; before: ${tally(before.resources)}`]
      : []),
    ...(after.buffers - before.buffers > bufferGrowth
      ? [`${after.buffers - before.buffers} bytes of buffers left`]
      : []),
    ...(left.heap > heapGrowth ? [`the heap has grown by ${left.heap} bytes`] : []),
    ...after.warnings.slice(before.warnings.length),
    ...(after.pid === before.pid ? [] : ['another process']),
  ]
}
