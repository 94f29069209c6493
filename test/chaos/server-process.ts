/** A server under chaos, in its own process. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const frameworks = ['express', 'koa', 'fastify'] as const
export type FrameworkName = (typeof frameworks)[number]

/** Far longer than a server under load takes to answer a question. */
const patience = 30_000

/** What the process of a server holds, and what went wrong in it. */
export interface Census {
  readonly pid: number
  /** The names of the files in its directory. */
  readonly files: readonly string[]
  /** `undefined` if the system does not tell. */
  readonly descriptors?: number
  /** What keeps the process alive. */
  readonly resources: readonly string[]
  readonly connections: number
  /** Bodies and handlers that were started and have not settled. */
  readonly unsettled: number
  readonly unhandled: readonly string[]
  readonly warnings: readonly string[]
  /** Listeners of the process. */
  readonly listeners: number
  /** How often an error reached the error handler of the app, by code. */
  readonly errors: Readonly<Record<string, number>>
  /** How often a client went away in the intended phase, by phase. */
  readonly interrupted: Readonly<Record<string, number>>
  /** How often the server did not notice and answered it, by phase. */
  readonly answered: Readonly<Record<string, number>>
}

/** The memory of a server after a collection. */
export interface Memory {
  readonly requests: number
  /** Readable streams, sockets among them. */
  readonly streams: number
  /** Bytes. */
  readonly heap: number
  /** Bytes outside the heap, those of buffers among them. */
  readonly external: number
  /** Bytes. */
  readonly buffers: number
  /** Bytes. */
  readonly rss: number
}

/** The current work of a server. */
interface Usage {
  /** Handlers that hold the body of their request until they are released. */
  readonly waiting: number
  /** Milliseconds of processor time since the process began. */
  readonly cpu: number
}

interface Questions {
  readonly census: Census
  readonly inMemory: Memory
  /** The RSS now, in bytes; from now on its peak is remembered. */
  readonly watchMemory: number
  /** The highest RSS since then, in bytes. */
  readonly peak: number
  readonly usage: Usage
  /** 1 lets handlers wait, 0 releases them. */
  readonly hold: void
  /** So many events of AWS Lambda: how often each status was answered. */
  readonly events: Readonly<Record<string, number>>
  /** Bytes that slow sinks have read. */
  readonly taken: number
  /** 1 makes slow sinks read the rest without pauses, 0 restores them. */
  readonly hurry: boolean
  /** The limit before, in milliseconds. */
  readonly requestTimeout: number
}

type Message =
  | { readonly question: string; readonly answer: unknown }
  | { readonly id: string; readonly phase: string }

export class ServerProcess {
  readonly framework: FrameworkName
  /** Where it stores files. */
  readonly directory: string
  readonly #child: ChildProcess
  readonly #waiting = new Map<string, (answer: unknown) => void>()
  #said = ''
  #port = 0

  private constructor(framework: FrameworkName, app: string, directory: string, more: readonly string[]) {
    this.framework = framework
    this.directory = directory
    const program = fileURLToPath(new URL('server/main.js', import.meta.url))
    const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning', ...more]
    this.#child = spawn(process.execPath, [...flags, program, framework, app, directory], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#child.stderr!.on('data', (text: Buffer) => (this.#said += text.toString()))
    this.#child.on('message', (message: Message) => {
      const key = 'question' in message ? message.question : phaseKey(message.id, message.phase)
      this.#waiting.get(key)?.('question' in message ? message.answer : undefined)
      this.#waiting.delete(key)
    })
  }

  /**
   * @param app `chaos` for the routes under chaos, `kept` for those that keep their files, `attacked` for those under
   * attack
   * @param flags of Node
   */
  static async start(
    framework: FrameworkName,
    app: 'chaos' | 'kept' | 'attacked',
    directory: string,
    flags: readonly string[] = [],
  ): Promise<ServerProcess> {
    const server = new ServerProcess(framework, app, directory, flags)
    server.#port = await server.#answer<number>('start')
    return server
  }

  get port(): number {
    return this.#port
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Whether it is running. */
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Its standard error. */
  get said(): string {
    return this.#said
  }

  ask<Name extends keyof Questions>(question: Name, value?: number): Promise<Questions[Name]> {
    const answer = this.#answer<Questions[Name]>(question)
    this.#child.send({ question, value })
    return answer
  }

  /** Waits until the request with this `X-Id` reaches the phase in its `X-Stop`. */
  reaches(id: string, phase: string): Promise<void> {
    return this.#answer(phaseKey(id, phase))
  }

  /** What it holds once it has noticed that all its clients have gone. */
  async whenAlone(): Promise<Census> {
    const end = performance.now() + patience
    for (;;) {
      const census = await this.ask('census')
      if (census.connections === 0 || performance.now() > end) return census
      await delay(50)
    }
  }

  /** Kills it, as the system does when memory runs out, without a chance to clean up. */
  async kill(): Promise<void> {
    if (!this.isAlive) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  #answer<T>(key: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#child.off('exit', onExit)
        this.#waiting.delete(key)
      }
      const fail = (what: string): void => {
        end()
        reject(new Error(`The server on ${this.framework} ${what} before "${key}". It wrote: ${this.#said}`))
      }
      const onExit = (): void => fail('ended')
      const timer = setTimeout(() => fail(`said nothing for ${patience} ms`), patience)
      this.#child.setMaxListeners(0).once('exit', onExit)
      this.#waiting.set(key, (answer) => {
        end()
        resolve(answer as T)
      })
    })
  }
}

function phaseKey(id: string, phase: string): string {
  return `${id} ${phase}`
}
