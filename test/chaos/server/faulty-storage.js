/** A storage that fails in the way that the name of each file says. */
import { rm } from 'node:fs/promises'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { withFault } from './fs-faults.js'

/**
 * Faults of a custom storage, by name.
 * @type {Record<string, (store: import('@formgate/express').Storage['store'], ...args: Parameters<import('@formgate/express').Storage['store']>) => ReturnType<import('@formgate/express').Storage['store']>>}
 */
const misdeeds = {
  'throws at once': () => {
    throw new Error('thrown at once')
  },
  'rejects at once': () => Promise.reject(new Error('rejected at once')),
  // Promises can be rejected with any value.
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  'rejects with nothing': () => Promise.reject(),
  'fails in the middle': async (_store, stream) => {
    for await (const _chunk of stream) throw new Error('failed in the middle')
    return undefined
  },
  'fails at the end': async (_store, stream) => {
    for await (const _chunk of stream);
    throw Object.assign(new Error('full at the end'), { code: 'ENOSPC' })
  },
  'destroys its stream': (_store, stream) => {
    stream.destroy()
    return new Promise(() => undefined)
  },
  'never settles': (_store, stream) => {
    stream.resume()
    return new Promise(() => undefined)
  },
  'reads nothing and never settles': () => new Promise(() => undefined),
  'declines after a look': async (_store, stream) => {
    for await (const _chunk of stream) break
    return undefined
  },
  declines: async () => undefined,
  // Ignores its signal and returns its file long after the request has failed.
  'is late': async (store, stream, info) => {
    const stored = await store(stream, info, new AbortController().signal)
    await delay(50)
    return stored
  },
}

/**
 * A file called `disk write EIO.bin` is written by `disk()` while `write` fails with EIO, and one called
 * `never settles.bin` goes to a storage that never settles. Any other name causes no fault.
 * @param {import('./apps.js').Gate} gate
 * @param {string} directory
 * @returns {import('@formgate/express').Storage}
 */
export function faultyStorage(gate, directory) {
  /** @type {Record<string, import('@formgate/express').Storage>} */
  const storages = {
    disk: gate.disk({ directory, fsync: true }),
    named: gate.disk({ directory, name: (info) => info.name }),
    spool: gate.spool({ directory, threshold: 1000 }),
  }
  return {
    store(stream, info, signal) {
      const fault = info.originalName.replace(/\.bin$/, '')
      const misdeed = misdeeds[fault]
      const disk = /** @type {import('@formgate/express').Storage} */ (storages['disk'])
      if (misdeed) return misdeed((...args) => disk.store(...args), stream, info, signal)
      const [name = '', operation = '', code = ''] = fault.split(' ')
      if (operation === 'vanish') return intoVanishing(gate, directory, name, [stream, info, signal])
      const storage = storages[name] ?? disk
      return withFault({ operation, code }, () => storage.store(stream, info, signal))
    },
  }
}

/**
 * Stores into a directory that is removed while the file is written.
 * @param {import('./apps.js').Gate} gate
 * @param {string} parent
 * @param {string} name
 * @param {Parameters<import('@formgate/express').Storage['store']>} args
 */
async function intoVanishing(gate, parent, name, args) {
  const directory = mkdtempSync(join(parent, 'vanishing-'))
  const vanish = () => rm(directory, { recursive: true, force: true })
  const storage = name === 'spool' ? gate.spool({ directory, threshold: 1000 }) : gate.disk({ directory })
  try {
    return await withFault({ operation: 'vanish', code: '', vanish }, () => storage.store(...args))
  } finally {
    await vanish()
  }
}
