/** Runs many cases in sequence. */
import { Finding, runCase, type Tally } from './differential.js'
import { Watchdog } from './watchdog.js'

/** Milliseconds for one body. */
const patience = 60_000

/** The result of several cases. */
export interface Campaign {
  readonly cases: number
  readonly tally: Tally
}

/**
 * Runs the case of each seed.
 *
 * @throws Finding for the first case that fails or leaves an uncaught error or rejection
 */
export async function runCampaign(seeds: Iterable<number>): Promise<Campaign> {
  const tally: Tally = new Map()
  const watchdog = new Watchdog(patience)
  let current = 0
  let cases = 0
  let stray: unknown
  const onStray = (error: unknown): void => {
    stray ??= new Finding(`Uncaught in or before seed ${current}: ${String(error)}`, {
      cause: error,
    })
  }
  process.on('uncaughtException', onStray).on('unhandledRejection', onStray)
  try {
    for (const seed of seeds) {
      current = seed
      watchdog.begin(seed)
      await runCase(seed, tally).catch((error: unknown) => {
        throw error instanceof Finding
          ? error
          : new Finding(`In seed ${seed}: ${String(error)}`, { cause: error })
      })
      if (stray !== undefined) throw stray as Finding
      cases += 1
    }
  } finally {
    process.off('uncaughtException', onStray).off('unhandledRejection', onStray)
    await watchdog.end()
  }
  return { cases, tally }
}
