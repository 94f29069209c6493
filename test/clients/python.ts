/** A Python process that sends requests with python-requests. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Answer } from './answers.js'
import { clientEnvironment } from './programs.js'

const script = fileURLToPath(new URL('python-requests.py', import.meta.url))

type Job = (line: string | undefined) => void

export class Python {
  readonly #process: ChildProcess
  readonly #jobs: Job[] = []

  /** @param path of Python */
  constructor(path: string) {
    this.#process = spawn(path, [script], { stdio: ['pipe', 'pipe', 'inherit'], env: clientEnvironment })
    createInterface({ input: this.#process.stdout! })
      .on('line', (line) => this.#jobs.shift()?.(line))
      .on('close', () => this.#jobs.splice(0).forEach((job) => job(undefined)))
  }

  /**
   * Sends the request of a snippet.
   *
   * @param code leaves its response in `r`
   * @param names the names that it uses, such as `url`
   */
  run(code: string, names: Record<string, string>): Promise<Answer> {
    this.#process.stdin!.write(`${JSON.stringify({ ...names, code })}\n`)
    return new Promise((resolve, reject) => {
      this.#jobs.push((line) => {
        const result = JSON.parse(line ?? '{"error":"Python has ended."}') as Answer | { error: string }
        if ('error' in result) reject(new Error(result.error))
        else resolve(result)
      })
    })
  }

  stop(): void {
    this.#process.stdin!.end()
  }
}
