/** A whole run: every kind of chaos on every framework. */
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
import { endlessClients, silentClients } from './kinds/silent-clients.js'
import { slowClients } from './kinds/slow-clients.js'
import { slowSinks } from './kinds/slow-sinks.js'
import { storageFaults } from './kinds/storage-faults.js'
import { measure, type Kind, type Row } from './row.js'
import { ServerProcess, type FrameworkName } from './server-process.js'

/** In this order, on one process: memory is measured while it is young. */
const kinds: readonly Kind[] = [
  concurrent,
  slowSinks,
  aborts,
  storageFaults,
  bodies,
  silentClients,
  endlessClients,
  slowClients,
]

/** On each framework: processes that have more than one life. Of all three it is one more than 200. */
const killing = { kind: 'SIGKILLs', count: 67, least: 2 }

/** Of a process that is attacked. One attack needs a faulty inspector, of which Formgate warns the app's author. */
const attackedFlags = ['--max-old-space-size=512', '--disable-warning=INSPECTION_FAILED']

/** Once: bodies that the campaign of test/fuzz cuts, and has read by other parsers. */
const cutting = { kind: 'cut bodies', count: 5000, least: 20 }

/** What a run does. */
export interface Plan {
  /** 1 is a full run; each count is multiplied by it. 0 does the least of everything. */
  readonly scale: number
  /** Decides every choice. */
  readonly seed: number
  readonly frameworks: readonly FrameworkName[]
  /** Whether the frameworks take their turns at the same time. Default false: their memory and latencies are measured. */
  readonly together?: boolean
  /** The kinds to run, by their names, `attacks` for all of those; all kinds where there is none. */
  readonly only?: readonly string[]
  /** The kinds to leave out, named so. */
  readonly without?: readonly string[]
  /** Told of each row when it is there. */
  readonly onRow?: (row: Row) => void
}

/** Every kind of chaos on one framework after the other, and the bodies of the fuzzer once. */
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
      // What the first request of each kind makes and keeps, such as compiled code, is nothing left behind.
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

/** Attacks on one process, for as long as it lives; the next one goes on where it ends. */
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

/** In one line: what V8 says of a process without memory has many. */
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
