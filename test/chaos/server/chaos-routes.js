/** The routes under chaos. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { faultyStorage } from './faulty-storage.js'
import { slowSink, takeSlowly } from './slow-sink.js'

/** The `threshold` of `spool()`, in bytes. */
const threshold = 1000
const unlimited = { fileSize: Infinity, bodySize: Infinity }
/** Nothing but the end of the connection releases a body. */
const endless = { idle: Infinity, total: Infinity, storageTimeout: Infinity }

/**
 * @param {import('./apps.js').Gate} gate
 * @param {import('./apps.js').Place} place
 * @returns {import('./apps.js').Route[]}
 */
export function routes(gate, { directory, phases, census }) {
  const { MultiPartParser, JSONParser, FormParser, FileUploadParser } = gate
  const plain = gate.disk({ directory })
  const disk = pausing(plain, phases)
  const storages = {
    disk,
    named: pausing(gate.disk({ directory, fsync: true, name: ({ name }) => `named/${name}` }), phases),
    spool: pausing(gate.spool({ directory, threshold }), phases),
    memory: pausing(gate.memory(), phases),
  }
  const Typed = z
    .object({ a: z.string(), b: z.string(), f: z.file() })
    .refine(async ({ a }) => phases.enter(a, 'validating').then(() => true))

  /** @param {import('./apps.js').Handling} handling */
  const handled = async ({ files, id }) => {
    await phases.enter(id, 'handling')
    return sizes(files)
  }
  /** @param {import('./apps.js').Handling} handling */
  const echoed = async ({ files, id }) => {
    const [file] = Object.values(files).flat()
    const stream = file?.createReadStream() ?? Readable.from([])
    // The descriptor is open when the client leaves.
    await once(stream, 'readable')
    await phases.enter(id, 'answering')
    return stream
  }
  const parsing = Object.entries(storages).map(([name, storage]) => ({
    path: `/${name}`,
    own: gate.parsers([JSONParser, MultiPartParser, FileUploadParser], { storage }),
    handler: handled,
  }))
  const timed = Object.entries(storages).map(([name, storage]) => ({
    path: `/timed/${name}`,
    own: gate.parsers([JSONParser, FormParser, MultiPartParser, FileUploadParser], {
      storage,
      limits: endless,
    }),
    handler: handled,
    isTimed: true,
  }))
  return [
    ...parsing,
    ...timed,
    { path: '/timed/eager', mount: { storage: plain, limits: endless }, handler: handled, isTimed: true },
    {
      path: '/timed/parts',
      mount: { lazy: true, limits: endless },
      handler: ({ parts, id }) => sizesOf(parts(), phases, id),
      isTimed: true,
    },
    { path: '/eager', mount: { storage: disk }, handler: handled },
    {
      path: '/lazy',
      mount: { lazy: true, storage: disk },
      handler: async ({ parse, id }) => {
        const { files } = await parse()
        await phases.enter(id, 'handling')
        return sizes(files)
      },
    },
    { path: '/typed', own: gate.form(Typed, { storage: disk }), handler: handled },
    { path: '/echo', own: gate.parsers([MultiPartParser], { storage: plain }), handler: echoed },
    { path: '/parts', mount: { lazy: true }, handler: ({ parts, id }) => sizesOf(parts(), phases, id) },
    {
      path: '/fault',
      own: gate.parsers([MultiPartParser], {
        storage: faultyStorage(gate, directory),
        limits: { storageTimeout: 5000 },
      }),
      handler: ({ files }) => sizes(files),
    },
    {
      path: '/keep',
      own: gate.parsers([MultiPartParser], { storage: plain, limits: unlimited }),
      handler: ({ files }) => Object.values(files).flatMap((list) => list.map((file) => file.keep().path)),
    },
    {
      path: '/sink',
      // Less than the pause of a slow sink: a client that is held back is not idle.
      own: gate.parsers([MultiPartParser], {
        storage: slowSink(census),
        limits: { ...unlimited, idle: 1000 },
      }),
      handler: ({ files }) => sizes(files),
    },
    {
      path: '/sink-parts',
      mount: { lazy: true, limits: { ...unlimited, idle: 1000 } },
      handler: async ({ parts }) => {
        const taken = []
        for await (const part of parts()) {
          if (part.kind === 'file') taken.push(await takeSlowly(part.stream, census))
        }
        return taken
      },
    },
    {
      path: '/idle',
      own: gate.parsers([MultiPartParser, JSONParser, FileUploadParser], {
        storage: plain,
        limits: { idle: 300 },
      }),
      handler: ({ files }) => sizes(files),
    },
  ]
}

/** @param {import('@formgate/express').FilesByField} files */
const sizes = (files) => Object.values(files).flatMap((list) => list.map(({ size }) => size))

/**
 * Wraps a storage and waits before and after it if the client is to leave there.
 * @param {import('@formgate/express').Storage} storage
 * @param {import('./phases.js').Phases} phases
 * @returns {import('@formgate/express').Storage}
 */
function pausing(storage, phases) {
  return {
    async store(stream, info, signal) {
      await phases.enter(info.originalName, 'before storing')
      const stored = await storage.store(stream, info, signal)
      await phases.enter(info.originalName, 'storing')
      return stored
    },
  }
}

/**
 * @param {AsyncIterableIterator<import('@formgate/express').Part>} parts
 * @param {import('./phases.js').Phases} phases
 * @param {string} id
 */
async function sizesOf(parts, phases, id) {
  let size = 0
  for await (const part of parts) {
    if (part.kind === 'field') continue
    for await (const chunk of part.stream) {
      size += /** @type {Buffer} */ (chunk).length
      await phases.enter(id, 'streaming')
      await delay(1)
    }
  }
  return size
}
