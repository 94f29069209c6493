/** The bytes of one file on their way through its inspections. */
import { Readable } from 'node:stream'
import { BodyError } from '../errors.js'
import type { FrameworkRequest } from '../framework-request.js'
import { hasOneReader, isUnseen, markDiscreet } from '../own-pieces.js'
import type { FileInspection, Inspector } from './inspection.js'
import type { FileInfo } from './storage.js'
import type { FileFindings } from './uploaded-file.js'

/** What is asked of each file of a request, and in whose name. */
export interface Inspecting {
  readonly inspectors: readonly Inspector[]
  readonly request: FrameworkRequest
}

/**
 * Begins the inspections of a file.
 *
 * @returns those that want to see it, in the order of their inspectors
 * @throws BodyError as an inspector throws it, `INSPECTION_FAILED` for any other error
 */
export function beginInspections(
  { inspectors, request }: Inspecting,
  info: FileInfo,
  signal: AbortSignal,
): readonly FileInspection[] {
  const begun: FileInspection[] = []
  try {
    for (const inspect of inspectors) {
      const inspection: unknown = inspect(info, signal, request)
      if (inspection !== undefined) begun.push(checkInspection(inspection))
    }
    return begun
  } catch (error) {
    throw refusalFor(error, info)
  }
}

/** @throws TypeError for what is no inspection, which a program without types may return */
function checkInspection(inspection: unknown): FileInspection {
  if (isThenable(inspection)) {
    // It may reject as well, with nobody left to hear it.
    inspection.then(undefined, () => undefined)
    throw new TypeError(
      'An inspector returned a promise. It must return its inspection at once, and wait in chunk() or end().',
    )
  }
  if (typeof (inspection as Partial<FileInspection> | null)?.chunk === 'function')
    return inspection as FileInspection
  throw new TypeError('An inspector must return an object with a chunk() method, or undefined.')
}

/** The memory of the bytes is gone: somebody has handed it over, to a worker or to `structuredClone`. */
function bytesAreGone({ field }: FileInfo): BodyError {
  return new BodyError('INSPECTION_FAILED', {
    detail:
      'An inspector has transferred the memory of the bytes it was shown, so that nothing is left to store.',
    hint: 'Transfer a copy of the bytes instead.',
    field,
  })
}

function refusalFor(error: unknown, { field }: FileInfo): BodyError {
  return error instanceof BodyError ? error : new BodyError('INSPECTION_FAILED', { field, cause: error })
}

/**
 * Shows each chunk to the inspections, one after the other, before it passes it on; it ends when they have ended.
 *
 * Nothing is read before somebody reads from it. It never destroys the stream that it reads from: whoever destroys this
 * one leaves the rest of the file to be discarded, so that the body behind it goes on.
 */
export class InspectedStream extends Readable {
  readonly #origin: Readable
  readonly #info: FileInfo
  readonly #inspections: readonly FileInspection[]
  #isReading = false
  /** Whether an inspection is at work. */
  #isBusy = false
  /** Whether the last chunk has come. A stream that is paused may end all the same, if nothing is left in it. */
  #isAtEnd = false
  #refusal: BodyError | undefined
  #findings: FileFindings = {}

  constructor(origin: Readable, info: FileInfo, inspections: readonly FileInspection[]) {
    super()
    this.#origin = origin
    this.#info = info
    this.#inspections = inspections
    markDiscreet(this, isUnseen(origin) && inspections.every(({ keepsBytes }) => keepsBytes === false))
    origin.on('error', (error) => this.destroy(error))
    origin.on('close', this.#onClose)
  }

  /** What an inspection has failed with. */
  get refusal(): BodyError | undefined {
    return this.#refusal
  }

  /** What the inspections have found out, once the stream has ended. */
  get findings(): FileFindings {
    return this.#findings
  }

  override _read(): void {
    if (!this.#isReading) {
      this.#isReading = true
      this.#origin.on('end', this.#onEnd).on('data', this.#onData)
    }
    if (!this.#isBusy) this.#origin.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#origin.off('close', this.#onClose).off('end', this.#onEnd).off('data', this.#onData)
    this.#origin.resume()
    callback(error)
  }

  readonly #onData = (chunk: Buffer | string): void => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (!hasOneReader(this.#origin)) markDiscreet(this, false)
    let busy: Promise<void> | undefined
    try {
      busy = this.#show(bytes, 0)
    } catch (error) {
      this.#refuse(error)
      return
    }
    if (busy === undefined) {
      if (!this.push(bytes)) this.#origin.pause()
      return
    }
    this.#isBusy = true
    this.#origin.pause()
    busy.then(() => this.#passOn(bytes), this.#refuse)
  }

  /** @throws BodyError, or what an inspection throws */
  #show(bytes: Buffer, from: number): Promise<void> | undefined {
    const size = bytes.length
    for (let at = from; at < this.#inspections.length; at += 1) {
      const busy = this.#inspections[at]!.chunk(bytes)
      if (isThenable(busy)) return this.#showAfter(busy, bytes, size, at + 1)
      if (bytes.length !== size) throw bytesAreGone(this.#info)
    }
    return undefined
  }

  async #showAfter(busy: PromiseLike<unknown>, bytes: Buffer, size: number, next: number): Promise<void> {
    await busy
    if (bytes.length !== size) throw bytesAreGone(this.#info)
    if (!this.destroyed) await this.#show(bytes, next)
  }

  #passOn(bytes: Buffer): void {
    this.#isBusy = false
    if (this.destroyed) return
    try {
      const hasRoom = this.push(bytes)
      if (this.#isAtEnd) this.#end()
      else if (hasRoom) this.#origin.resume()
    } catch (error) {
      // A reader threw in its listener: nobody else could catch that here.
      this.destroy(error instanceof Error ? error : new Error('A reader failed.', { cause: error }))
    }
  }

  /** A chunk that is gone by now would stop the stream for good: there seem to be bytes, and none come. */
  override read(size?: number): ReturnType<Readable['read']> {
    const chunk: unknown = super.read(size)
    const isStuck = chunk === null && size === undefined && this.readableLength > 0
    if (isStuck) this.#refuse(bytesAreGone(this.#info))
    return chunk
  }

  readonly #onEnd = (): void => {
    this.#isAtEnd = true
    if (!this.#isBusy) this.#end()
  }

  #end(): void {
    if (this.#inspections.length === 0) this.push(null)
    else this.#endInspections().then(() => void (this.destroyed || this.push(null)), this.#refuse)
  }

  async #endInspections(): Promise<void> {
    for (const inspection of this.#inspections) {
      this.#findings = { ...this.#findings, ...(await inspection.end?.()) }
    }
  }

  readonly #onClose = (): void => {
    if (!this.#origin.readableEnded)
      this.destroy(new Error('The stream of the file was closed before its end.'))
  }

  readonly #refuse = (error: unknown): void => {
    if (this.destroyed) return
    this.#refusal = refusalFor(error, this.#info)
    this.destroy(this.#refusal)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}
