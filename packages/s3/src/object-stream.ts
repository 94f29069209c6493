/** The bytes of an object, as they are read from the store. */
import { Readable } from 'node:stream'

/**
 * Asks for the bytes at the first read, takes no more of them than its reader wants, and lets go of the connection when
 * it is destroyed.
 */
export class ObjectStream extends Readable {
  readonly #open: (signal: AbortSignal) => Promise<Readable>
  readonly #stop = new AbortController()
  #body: Readable | undefined

  /** @param open asks the store for the bytes */
  constructor(open: (signal: AbortSignal) => Promise<Readable>) {
    super()
    this.#open = open
  }

  override _read(): void {
    if (this.#body) this.#body.resume()
    else void this.#start()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#stop.abort()
    this.#body?.destroy()
    callback(error)
  }

  async #start(): Promise<void> {
    try {
      const body = await this.#open(this.#stop.signal)
      this.#body = body
      let ended = false
      body.on('data', (chunk: Uint8Array) => {
        if (!this.push(chunk)) body.pause()
      })
      body.on('end', () => {
        ended = true
        this.push(null)
      })
      body.on('error', (error) => this.destroy(error))
      body.on('close', () => {
        if (!ended) this.destroy(new Error('The store closed the connection before the end of the object.'))
      })
      if (this.destroyed) body.destroy()
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
