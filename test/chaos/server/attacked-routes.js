/** The routes that are attacked: each holds the body of a request until the run releases it. */
import { Readable } from 'node:stream'
import { z } from 'zod'

/** @type {z.ZodType} */
const NumberOrList = z.lazy(() => z.union([z.number(), z.array(NumberOrList)]))
const options = Array.from({ length: 500 }, (_, index) => `option${index}`)

/** The result of a storage that accepts a file without reading it to its end. */
const emptyFile = { size: 0, createReadStream: () => Readable.from([]), remove: async () => undefined }

/** The `storageTimeout` in milliseconds, far less than the default of two minutes. */
const limits = { storageTimeout: 500 }

/**
 * @param {import('./apps.js').Gate} gate
 * @param {import('./apps.js').Place} place
 * @returns {import('./apps.js').Route[]}
 */
export function routes(gate, { directory, census }) {
  const storage = gate.spool({ directory })
  /** @param {import('./apps.js').Handling} handling */
  const hold = async ({ data, files }) => {
    await census.wait()
    // Keeps both in use until now.
    return Object.keys(data ?? {}).length + Object.keys(files).length
  }
  /** @param {any} own */
  const files = (own) => gate.parsers([gate.MultiPartParser], { limits, ...own })
  return [
    { path: '/any', mount: { storage }, handler: hold },
    { path: '/strings', own: gate.body(z.array(z.string())), handler: hold },
    { path: '/options', own: gate.form(z.object({ v: z.array(z.enum(options)) })), handler: hold },
    { path: '/number-or-list', own: gate.form(z.object({ q: NumberOrList.optional() })), handler: hold },
    { path: '/flat', own: gate.form(z.object({ a: z.string() }), { storage }), handler: hold },
    {
      path: '/keeping',
      mount: {},
      handler: ({ data }) => {
        census.kept.push(data.user)
        return null
      },
    },
    {
      path: '/stops-early',
      own: files({
        storage: {
          /** @type {import('@formgate/express').Storage['store']} */
          async store(stream) {
            for await (const _chunk of stream) break
            return emptyFile
          },
        },
      }),
      handler: hold,
    },
    {
      path: '/destroys',
      own: files({
        storage: {
          /** @type {import('@formgate/express').Storage['store']} */
          async store(stream) {
            stream.destroy()
            return emptyFile
          },
        },
      }),
      handler: hold,
    },
    {
      path: '/rejecting-inspector',
      own: files({
        storage,
        inspect: async () => {
          throw new Error('The scanner is not available.')
        },
      }),
      handler: hold,
    },
    {
      path: '/transferring-inspector',
      own: files({
        storage,
        inspect: () => ({
          /** @param {Buffer} bytes */
          chunk(bytes) {
            structuredClone(bytes.buffer, { transfer: [/** @type {ArrayBuffer} */ (bytes.buffer)] })
          },
        }),
      }),
      handler: hold,
    },
  ]
}
