/** Counts what the process of a server holds, and what went wrong in it. */
import { existsSync, readdirSync } from 'node:fs'
import { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { queryObjects } from 'node:v8'

/** Milliseconds between two measurements of the memory while it is watched. */
const memoryLook = 10

export class Census {
  #directory
  #unsettled = 0
  #peak = 0
  /** @type {NodeJS.Timeout | undefined} */
  #looking
  /** @type {string[]} */
  #unhandled = []
  /** @type {string[]} */
  #warnings = []
  /** @type {Record<string, number>} */
  #errors = {}
  #requests = 0
  /** Bytes that slow sinks have read. */
  taken = 0
  /** What handlers keep for as long as the app runs. @type {unknown[]} */
  kept = []
  /** Handlers that wait to be released. */
  #waiting = 0
  /** @type {(() => void) | undefined} */
  #release
  /** @type {Promise<void> | undefined} */
  #released
  /** Whether slow sinks read the rest without pauses, after the measurement. */
  isInHurry = false

  /** @param {string} directory where the routes store files */
  constructor(directory) {
    this.#directory = directory
    // Node opens them on first use.
    void process.stdout
    void process.stderr
    // Node loads undici, http2 and tls on first use, as by Koa for the first body that is not a text. queryObjects() counts
    // the prototypes of their streams.
    void globalThis.Response
    process.on('unhandledRejection', (reason) => this.#unhandled.push(`rejection: ${String(reason)}`))
    process.on('uncaughtException', (error) => this.#unhandled.push(`exception: ${error.stack}`))
    process.on('warning', ({ name, message }) => {
      // That of queryObjects.
      if (name !== 'ExperimentalWarning') this.#warnings.push(`${name}: ${message}`)
    })
  }

  /**
   * Runs a handler and counts it until it settles.
   * @template Result
   * @param {() => Result} run
   * @returns {Promise<Awaited<Result>>}
   */
  async handle(run) {
    this.#unsettled += 1
    try {
      return await run()
    } finally {
      this.#unsettled -= 1
    }
  }

  /**
   * Also awaits the body of every second request, to know whether it settles. For the others only the route catches a
   * rejection.
   * @param {object} request which gets `parse()` from what comes next
   * @param {() => unknown} next
   */
  follow(request, next) {
    this.#requests += 1
    if (this.#requests % 2 === 0) {
      setImmediate(() => {
        const { parse } = /** @type {{ parse?: () => Promise<unknown> }} */ (request)
        if (parse) this.handle(parse.bind(request)).catch(() => undefined)
      })
    }
    return next()
  }

  /** @param {unknown} error that has reached the error handler of the app */
  error(error) {
    const { code, name } = /** @type {{ code?: string, name?: string }} */ (error)
    const key = code ?? name ?? String(error)
    this.#errors[key] = (this.#errors[key] ?? 0) + 1
  }

  /**
   * Makes handlers stay in `wait()`, or lets them go on.
   * @param {boolean} isHeld
   */
  hold(isHeld) {
    this.#release?.()
    this.#release = this.#released = undefined
    if (isHeld) this.#released = new Promise((resolve) => (this.#release = resolve))
    else this.kept.length = 0
  }

  async wait() {
    this.#waiting += 1
    await this.#released
    this.#waiting -= 1
  }

  /** The processor time of the process and the waiting handlers, without a collection. */
  usage() {
    const { user, system } = process.cpuUsage()
    return { waiting: this.#waiting, cpu: (user + system) / 1000 }
  }

  /** Records the highest RSS from now on. @returns the current one */
  watchMemory() {
    globalThis.gc?.()
    clearInterval(this.#looking)
    const now = process.memoryUsage.rss()
    this.#peak = now
    this.#looking = setInterval(() => {
      this.#peak = Math.max(this.#peak, process.memoryUsage.rss())
    }, memoryLook).unref()
    return now
  }

  peak() {
    clearInterval(this.#looking)
    return Math.max(this.#peak, process.memoryUsage.rss())
  }

  /**
   * @param {import('node:http').Server} server
   * @param {import('./phases.js').Phases} phases
   */
  async take(server, phases) {
    const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
    return {
      pid: process.pid,
      files: readdirSync(this.#directory, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map(({ name }) => name),
      // Other systems do not list the descriptors of a process.
      descriptors: existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : undefined,
      resources: process.getActiveResourcesInfo().filter((name) => name !== 'Immediate'),
      connections,
      unsettled: this.#unsettled,
      unhandled: this.#unhandled,
      warnings: this.#warnings,
      listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
      errors: this.#errors,
      interrupted: phases.interrupted,
      answered: phases.answered,
    }
  }

  /** The memory after a collection. */
  async inMemory() {
    globalThis.gc?.()
    // Memory that is freed in callbacks, such as that of zlib, needs a second collection.
    await new Promise((resolve) => setImmediate(resolve))
    globalThis.gc?.()
    const { heapUsed, external, arrayBuffers } = process.memoryUsage()
    return {
      requests: queryObjects(IncomingMessage, { format: 'count' }),
      streams: queryObjects(Readable, { format: 'count' }),
      heap: heapUsed,
      external,
      buffers: arrayBuffers,
      rss: process.memoryUsage.rss(),
    }
  }
}
