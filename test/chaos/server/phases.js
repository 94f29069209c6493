/** Tracks the phase of each request, to tell a client when to leave and to count that it did. */

/**
 * Longer than a client takes to leave. Node does not notice that a client has gone while its socket is not read, so a
 * phase ends after this time, and the next one notices.
 */
const patience = 4000

/**
 * @typedef {object} Progress
 * @property {string} stop the phase in which the client is to go away
 * @property {boolean} hasStopped whether it has come to that phase
 * @property {Promise<void>} gone
 */

export class Phases {
  /** How often a client left in the intended phase. @type {Record<string, number>} */
  interrupted = {}
  /** How often the server did not notice it. @type {Record<string, number>} */
  answered = {}
  /** @type {Map<string, Progress>} */
  #progress = new Map()

  /**
   * @param {import('node:http').IncomingMessage} request `X-Id` names it, `X-Stop` the phase to stop in
   * @param {import('node:http').ServerResponse} response
   */
  watch = (request, response) => {
    const id = request.headers['x-id']
    if (typeof id !== 'string') return
    /** @type {() => void} */
    let leave = () => undefined
    /** @type {Promise<void>} */
    const gone = new Promise((resolve) => (leave = resolve))
    const progress = { stop: String(request.headers['x-stop']), hasStopped: false, gone }
    this.#progress.set(id, progress)
    response.once('close', () => {
      this.#progress.delete(id)
      const { stop, hasStopped } = progress
      if (hasStopped) count(response.writableFinished ? this.answered : this.interrupted, stop)
      leave()
    })
  }

  /**
   * If the client is to leave in this phase, announces the phase and waits until the client has gone.
   * @param {string} id
   * @param {string} phase
   */
  async enter(id, phase) {
    const progress = this.#progress.get(id)
    if (progress?.stop !== phase || progress.hasStopped) return
    progress.hasStopped = true
    process.send?.({ id, phase })
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    const tooLong = new Promise((resolve) => (timer = setTimeout(resolve, patience)))
    await Promise.race([progress.gone, tooLong])
    clearTimeout(timer)
  }
}

/**
 * @param {Record<string, number>} counts
 * @param {string} name
 */
function count(counts, name) {
  counts[name] = (counts[name] ?? 0) + 1
}
