/** Kills a process that hangs in synchronous code, which no timer can. */
import { Worker } from 'node:worker_threads'

const program = `
  const { workerData } = require('node:worker_threads')
  const { writeSync } = require('node:fs')
  const state = new Int32Array(workerData.memory)
  let last = -1
  let since = Date.now()
  setInterval(() => {
    const beats = Atomics.load(state, 1)
    if (beats !== last) { last = beats; since = Date.now() }
    else if (Date.now() - since > workerData.patience) {
      writeSync(2, 'The case of seed ' + (Atomics.load(state, 0) >>> 0) + ' hangs.\\n')
      process.kill(process.pid, 'SIGKILL')
    }
  }, 500)
`

/** Names the seed and kills the process if a case takes longer than `patience` milliseconds. */
export class Watchdog {
  readonly #state: Int32Array
  readonly #worker: Worker

  constructor(patience: number) {
    const memory = new SharedArrayBuffer(8)
    this.#state = new Int32Array(memory)
    this.#worker = new Worker(program, { eval: true, workerData: { memory, patience } })
    this.#worker.unref()
  }

  begin(seed: number): void {
    Atomics.store(this.#state, 0, seed | 0)
    Atomics.add(this.#state, 1, 1)
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
