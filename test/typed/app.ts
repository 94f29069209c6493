/** Apps with one typed route below each kind of mount, and a storage that records what it stores. */
import type { FileInfo, MountOptions, Storage, StoredFile } from '@formgate/core'
import type { Readable } from 'node:stream'
import { Readable as Reading } from 'node:stream'
import { afterAll } from 'vitest'
import { exchange, field, file, form, multipartX, type Answer, type Sent } from '../adapters/client.js'
import { type App, type Description, type Framework, type Route } from '../adapters/frameworks.js'

/** What may stand above a typed route. */
export const mounts: readonly (readonly [name: string, mount: MountOptions | undefined])[] = [
  ['no multipart()', undefined],
  ['a lazy multipart()', { lazy: true }],
  ['an eager multipart()', {}],
]

/** Those below which the route itself reads the body. */
export const readingMounts = mounts.slice(0, 2)

type Typed = NonNullable<Route['typed']>

const running: App[] = []
afterAll(() => Promise.all(running.splice(0).map((app) => app.close())))

/** An app with one route, for as long as the test file runs. */
export async function serve(
  framework: Framework,
  typed: Typed,
  rest: Omit<Route, 'path' | 'typed'> & Omit<Description, 'routes'> = {},
): Promise<(sent: Sent) => Promise<Answer>> {
  const app = await serveApp(framework, typed, rest)
  return (sent) => exchange(app.port, sent)
}

/** The same, for a client of the test's own. */
export async function serveApp(
  { start }: Framework,
  typed: Typed,
  rest: Omit<Route, 'path' | 'typed'> & Omit<Description, 'routes'> = {},
): Promise<App> {
  const { mount, above, errorHandler, onError, problems, ...route } = rest
  const description = { mount, above, errorHandler, onError, problems }
  const given = Object.fromEntries(Object.entries(description).filter(([, value]) => value !== undefined))
  const app = await start({ ...given, routes: [{ path: '/', ...route, typed }] })
  running.push(app)
  return app
}

export const urlencodedType = 'application/x-www-form-urlencoded'

/** A URL-encoded form. */
export const urlencoded = (body: string): Sent => ({ type: urlencodedType, body })

/** A body of JSON. */
export const json = (value: unknown): Sent => ({ type: 'application/json', body: JSON.stringify(value) })

/** A multipart form of parts: header lines and content. */
export const multipart = (...parts: readonly (readonly [string, string])[]): Sent => ({
  type: multipartX,
  body: form('X', ...parts),
})

/** The same fields as `urlencoded()`, as multipart. */
export const asMultipart = (body: string): Sent =>
  multipart(...[...new URLSearchParams(body)].map(([name, value]) => [field(name), value] as const))

/** Both kinds of form with the same fields. */
export const bothKinds = (body: string): readonly Sent[] => [urlencoded(body), asMultipart(body)]

/** A part with a Content-Type and no file name. */
export const typedField = (name: string, type: string): string => `${field(name)}\r\nContent-Type: ${type}`

/** A `Blob` that a script appended to a `FormData`: browsers call it "blob". */
export const blob = (name: string, type: string): string => file(name, 'blob', type)

/** Keeps files in memory, and remembers what became of each. */
export class WatchedStorage implements Storage {
  /** The names of the files that were handed over, in order. */
  readonly offered: string[] = []
  /** Bytes that were read. */
  bytes = 0
  /** Files that are still there. */
  held = 0

  async store(stream: Readable, { name }: FileInfo): Promise<StoredFile> {
    this.offered.push(name)
    const chunks: Buffer[] = []
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      this.bytes += chunk.length
      chunks.push(chunk)
    }
    const content = Buffer.concat(chunks)
    this.held += 1
    return {
      size: content.length,
      createReadStream: ({ start = 0, end = content.length - 1 } = {}) =>
        Reading.from([content.subarray(start, end + 1)], { objectMode: false }),
      remove: async () => {
        this.held -= 1
      },
    }
  }
}
