/** Lets the first test that needs a store start one for all, and stops it after the last. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The address of the store, once a test has started it. */
    storeFolder: string
    /** The store ends with this process. */
    storeOwner: number
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'formgate-store-'))
  project.provide('storeFolder', folder)
  project.provide('storeOwner', process.pid)
  return async () => {
    const pidFile = join(folder, 'pid')
    if (existsSync(pidFile)) await stop(Number(readFileSync(pidFile, 'utf8')))
    await rm(folder, { recursive: true, force: true })
  }
}

/** Returns when it has ended. */
async function stop(pid: number): Promise<void> {
  try {
    process.kill(pid)
    for (let waited = 0; waited < 5000; waited += 50) {
      process.kill(pid, 0)
      await delay(50)
    }
  } catch {
    // It has ended.
  }
}
