/** Runs every kind of chaos on every framework. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCampaign } from '../fuzz/campaign.js'
import { aborts } from './kinds/aborts.js'
import { attackKinds, everythingWithheld } from './kinds/attacks.js'
import { bodies } from './kinds/bodies.js'
import { concurrent } from './kinds/concurrent.js'
import { inParallel } from './in-parallel.js'
import { killOften } from './kinds/kills.js'
import { lambdaRequests, timeoutsAbove } from './kinds/neighbours.js'
import { endlessClients, silentClients } from './kinds/silent-clients.js'
import { slowClients } from './kinds/slow-clients.js'
import { slowSinks } from './kinds/slow-sinks.js'
import { storageFaults } from './kinds/storage-faults.js'
import { measure, type Kind, type Row } from './row.js'
import { ServerProcess, type FrameworkName } from './server-process.js'

/** In this order, in one process: those that measure memory come first. */
const kinds: readonly Kind[] = [
  concurrent,
  slowSinks,
  aborts,
  storageFaults,
  bodies,
  timeoutsAbove,
  lambdaRequests,
  silentClients,
  endlessClients,
  slowClients,
]

/** On each framework: processes that are killed and started again, 201 in all. */
const killing = { kind: 'SIGKILLs', count: 67, least: 2 }

/** Of a process that is attacked. One attack needs a faulty inspector, of which Formgate warns the app's author. */
const attackedFlags = ['--max-old-space-size=512', '--disable-warning=INSPECTION_FAILED']

/** Once: bodies of test/fuzz, cut in several ways and read by other parsers too. */
const cutting = { kind: 'cut bodies', count: 5000, least: 20 }

/** Options of a run. */
export interface Plan {
  /** 1 is a full run; each count is multiplied by it. 0 does the least of everything. */
  readonly scale: number
  /** Decides every choice. */
  readonly seed: number
  readonly frameworks: readonly FrameworkName[]
  /** Whether the frameworks run at the same time. Default false, for exact measurements of memory and latency. */
  readonly together?: boolean
  /** Names of the kinds to run, or `attacks` for all attacks. Default all kinds. */
  readonly only?: readonly string[]
  /** Names of the kinds to leave out. */
  readonly without?: readonly string[]
  /** Called with each finished row. */
  readonly onRow?: (row: Row) => void
}

/** Runs every kind of chaos on each framework, and the bodies of the fuzzer once. */
export async function runChaos(plan: Plan): Promise<Row[]> {
  const { frameworks, together = false } = plan
  const width = together ? frameworks.length : 1
  const rows = await inParallel(frameworks.length, width, (index) => chaosOn(frameworks[index]!, plan))
  if (isWanted(plan, cutting.kind)) rows.push([tell(plan, await cut(countOf(cutting, plan), plan.seed))])
  return rows.flat()
}

async function chaosOn(framework: FrameworkName, plan: Plan): Promise<Row[]> {
  const rows = await chaosOnOneProcess(framework, plan)
  for (const [attacks, flags] of [
    [attackKinds, attackedFlags],
    [[everythingWithheld], []],
  ] as const)
    rows.push(...(await inDirectory((directory) => attackOn(framework, attacks, flags, directory, plan))))
  if (isWanted(plan, killing.kind)) {
    const count = countOf(killing, plan)
    rows.push(tell(plan, await inDirectory((directory) => killOften(framework, directory, count, plan.seed))))
  }
  return rows
}

async function chaosOnOneProcess(framework: FrameworkName, plan: Plan): Promise<Row[]> {
  const wanted = kinds.filter(({ name }) => isWanted(plan, name))
  if (wanted.length === 0) return []
  return inDirectory(async (directory) => {
    const server = await ServerProcess.start(framework, 'chaos', directory)
    try {
      // What the first request of each kind creates, such as compiled code, is not a leak.
      for (const kind of [aborts, storageFaults, bodies]) await kind.run(server, kind.least, plan.seed - 1e6)
      await server.whenAlone()
      return await inParallel(wanted.length, 1, async (index) => {
        const kind = wanted[index]!
        return tell(plan, await measure(kind, server, countOf(kind, plan), plan.seed))
      })
    } finally {
      await server.kill()
    }
  })
}

/** Attacks one process as long as it lives, then a new one. */
async function attackOn(
  framework: FrameworkName,
  attacks: readonly Kind[],
  flags: readonly string[],
  directory: string,
  plan: Plan,
): Promise<Row[]> {
  const rows: Row[] = []
  let server: ServerProcess | undefined
  for (const kind of attacks.filter(({ name }) => isWanted(plan, name, 'attacks'))) {
    const started = performance.now()
    const tried = countOf(kind, plan)
    try {
      server ??= await ServerProcess.start(framework, 'attacked', directory, flags)
      await kind.warmUp?.(server)
      rows.push(tell(plan, await measure(kind, server, tried, plan.seed)))
    } catch (error) {
      const seconds = (performance.now() - started) / 1000
      rows.push(
        tell(plan, { kind: kind.name, framework, tried, seen: '', broken: [reasonOf(error)], seconds }),
      )
      await server?.kill()
      server = undefined
    }
  }
  await server?.kill()
  return rows
}

/** The message in one line: V8 prints many when memory runs out. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const [first = ''] = text.split('\n')
  return [first, ...(/FATAL ERROR[^\n]*/.exec(text) ?? [])].join(' ')
}

function countOf({ count, least }: Pick<Kind, 'count' | 'least'>, { scale }: Plan): number {
  return Math.max(least, Math.ceil(count * scale))
}

function tell({ onRow }: Plan, row: Row): Row {
  onRow?.(row)
  return row
}

function isWanted({ only = [], without = [] }: Plan, ...names: readonly string[]): boolean {
  if (names.some((name) => without.includes(name))) return false
  return only.length === 0 || names.some((name) => only.includes(name))
}

async function cut(count: number, seed: number): Promise<Row> {
  const started = performance.now()
  const seeds = Array.from({ length: count }, (_, index) => (seed + index) % 2 ** 31)
  const broken: string[] = []
  const { cases } = await runCampaign(seeds).catch((error: unknown) => {
    broken.push(String(error))
    return { cases: 0 }
  })
  const seen = `${cases} with one answer for every cut, none without a known reason where two other parsers differ`
  const seconds = (performance.now() - started) / 1000
  return { kind: cutting.kind, tried: count, seen, broken, seconds }
}

async function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'formgate-chaos-'))
  try {
    return await run(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
