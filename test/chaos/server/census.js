/** What the process of a server holds, and what has gone wrong in it. */
import { existsSync, readdirSync } from 'node:fs'
import { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { queryObjects } from 'node:v8'

/** Milliseconds between two looks at the memory while it is being watched. */
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
  /** Bytes that slow sinks have taken. */
  taken = 0
  /** What handlers keep for as long as the app runs. @type {unknown[]} */
  kept = []
  /** Handlers that wait to be released. */
  #waiting = 0
  /** @type {(() => void) | undefined} */
  #release
  /** @type {Promise<void> | undefined} */
  #released
  /** Whether slow sinks take the rest without a pause: nobody measures them any more. */
  isInHurry = false

  /** @param {string} directory where the routes store files */
  constructor(directory) {
    this.#directory = directory
    // Each is opened when somebody first looks at it.
    void process.stdout
    void process.stderr
    process.on('unhandledRejection', (reason) => this.#unhandled.push(`rejection: ${String(reason)}`))
    process.on('uncaughtException', (error) => this.#unhandled.push(`exception: ${error.stack}`))
    process.on('warning', ({ name, message }) => {
      // That of queryObjects.
      if (name !== 'ExperimentalWarning') this.#warnings.push(`${name}: ${message}`)
    })
  }

  /**
   * Runs a handler and knows until when.
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
   * Waits for the body of every second request beside its route, to know whether it settles. Of the others nobody but
   * the route catches what is rejected.
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
   * Lets every handler that comes to `wait()` stay there, or go on.
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

  /** What the process has used, and what handlers hold, without a collection. */
  usage() {
    const { user, system } = process.cpuUsage()
    return { waiting: this.#waiting, cpu: (user + system) / 1000 }
  }

  /** Remembers the highest RSS from now on, and says what it is now. */
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
      // Other systems do not tell a process of its descriptors.
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

  /** What is in memory after a collection. */
  async inMemory() {
    globalThis.gc?.()
    // What is let go of in callbacks, such as the memory of zlib, goes with the second.
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
