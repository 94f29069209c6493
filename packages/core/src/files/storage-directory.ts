/** A directory that a storage writes to: made ready once, at the first file. */
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { sweepParts } from './part-file.js'

/** Old enough that no upload can still be writing: 24 hours, in milliseconds. */
const defaultSweepAge = 24 * 60 * 60 * 1000

export interface StorageDirectoryOptions {
  /** Where files go. A relative path starts at the working directory of the moment when the storage is defined. */
  readonly directory: string
  /**
   * Milliseconds after its last byte when a part file is taken for the remains of a killed process, and is removed at
   * the first file that this storage writes. Default 24 hours; `Infinity` never.
   */
  readonly sweepAge?: number
}

/**
 * The directory is created where it is missing, for its owner alone (mode 0700), but only once: if it vanishes while
 * the server runs, as an unmounted volume does, writing to whatever is below would be worse than the error.
 */
export class StorageDirectory {
  readonly path: string
  readonly #sweepAge: number
  #ready: Promise<void> | undefined

  constructor({ directory, sweepAge = defaultSweepAge }: StorageDirectoryOptions) {
    if (typeof directory !== 'string' || directory === '') {
      throw new TypeError(`directory must be the path of a directory, but is ${JSON.stringify(directory)}.`)
    }
    if (!(sweepAge >= 0))
      throw new TypeError(`sweepAge must be a number from 0 up, but is ${String(sweepAge)}.`)
    this.path = resolve(directory)
    this.#sweepAge = sweepAge
  }

  /** @throws the error of mkdir; the next call tries again */
  ready(): Promise<void> {
    this.#ready ??= this.#prepare()
    return this.#ready
  }

  async #prepare(): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true, mode: 0o700 })
    } catch (error) {
      this.#ready = undefined
      throw error
    }
    // Not awaited: a crowded directory must not keep the first upload waiting. It never rejects.
    if (this.#sweepAge !== Infinity) void sweepParts(this.path, this.#sweepAge)
  }
}
