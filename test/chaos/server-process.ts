/** A server that is put to chaos, in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const frameworks = ['express', 'koa', 'fastify'] as const
export type FrameworkName = (typeof frameworks)[number]

/** Longer than a question takes to be answered by a server under load. */
const patience = 30_000

/** What the process of a server holds, and what has gone wrong in it. */
export interface Census {
  readonly pid: number
  /** The names of the files in its directory. */
  readonly files: readonly string[]
  /** `undefined` where the system does not tell. */
  readonly descriptors?: number
  /** What keeps the process alive. */
  readonly resources: readonly string[]
  readonly connections: number
  /** Bodies that were begun to be read, and handlers, that have not settled. */
  readonly unsettled: number
  readonly unhandled: readonly string[]
  readonly warnings: readonly string[]
  /** Listeners of the process. */
  readonly listeners: number
  /** How often an error has reached the error handler of the app, by its code. */
  readonly errors: Readonly<Record<string, number>>
  /** How often a client has gone away in the phase that it was to, by phase. */
  readonly interrupted: Readonly<Record<string, number>>
  /** How often nobody has noticed that it had, and it was answered. */
  readonly answered: Readonly<Record<string, number>>
}

/** What is in the memory of a server after a collection. */
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

/** What a server is doing at the moment. */
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
  /** Bytes that slow sinks have taken. */
  readonly taken: number
  /** 1 lets slow sinks take the rest without a pause, 0 ends that. */
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
   * @param app `chaos` for the routes that chaos comes to, `kept` for those that keep their files, `attacked` for those
   * that are attacked
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

  /** Whether it has not ended. */
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it has written to its standard error. */
  get said(): string {
    return this.#said
  }

  ask<Name extends keyof Questions>(question: Name, value?: number): Promise<Questions[Name]> {
    const answer = this.#answer<Questions[Name]>(question)
    this.#child.send({ question, value })
    return answer
  }

  /** Waits until the request with this `X-Id` has come to the phase that its `X-Stop` names. */
  reaches(id: string, phase: string): Promise<void> {
    return this.#answer(phaseKey(id, phase))
  }

  /** What it holds when it has noticed that all its clients have gone. */
  async whenAlone(): Promise<Census> {
    const end = performance.now() + patience
    for (;;) {
      const census = await this.ask('census')
      if (census.connections === 0 || performance.now() > end) return census
      await delay(50)
    }
  }

  /** Ends it as the system does when memory runs out: it gets no chance to clear up. */
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
        reject(new Error(`The server on ${this.framework} ${what} before "${key}". It said: ${this.#said}`))
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
