/** The other parsers, each in its own process, because some cases crash it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { answerTo } from './exchange.js'
import type { Case } from './cases.js'

/** In the order of the columns. */
export const peers = ['multer', '@fastify/multipart', 'formidable', 'busboy'] as const

export type PeerName = (typeof peers)[number]

/** A peer, which is started again after a crash. */
export class Peer {
  readonly #script: string
  #process: ChildProcess | undefined
  #port = 0

  /** @param folder where the peers are installed, with their servers beside them */
  constructor(folder: string, name: PeerName) {
    this.#script = `${folder}/${name.replace('@', '').replace('/', '-')}.mjs`
  }

  async answerTo(given: Case): Promise<string> {
    await this.#start()
    const answer = await answerTo(this.#port, given)
    return this.#process?.exitCode === null ? answer : `**the process dies** (${answer})`
  }

  end(): void {
    this.#process?.kill()
  }

  async #start(): Promise<void> {
    if (this.#process?.exitCode === null) return
    this.#process = spawn(process.execPath, [this.#script], { stdio: ['pipe', 'pipe', 'ignore'] })
    const [line] = (await once(createInterface({ input: this.#process.stdout! }), 'line')) as [string]
    this.#port = Number(line)
  }
}
