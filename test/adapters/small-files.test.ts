/** Small files that arrive whole need no stream, which only the storage may notice. */
import { text } from 'node:stream/consumers'
import { disk, memory, MultiPartParser, spool, type Storage } from '@formgate/core'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { exchange, field, file, form, multipartX, type Cut } from './client.js'
import { frameworks, type App } from './frameworks.js'

const KiB = 1024
const sizes = [0, 1, 64 * KiB - 1, 64 * KiB, 64 * KiB + 1, 100_000]
const directory = await mkdtemp(join(tmpdir(), 'small-files-'))
afterAll(() => rm(directory, { recursive: true }))

/** Bytes in which no two neighbouring kilobytes are equal, with starts of a delimiter among them. */
function content(size: number): string {
  return Array.from({ length: size }, (_, at) =>
    at % 997 === 0 ? '\r' : String.fromCharCode(97 + ((at >> 3) % 26)),
  )
    .join('')
    .replaceAll('\rbbb', '\r\n--')
}

const bodyOf = (sizes: readonly number[]): string =>
  form(
    'X',
    ...sizes.flatMap((size, at) => [
      [field(`before${at}`), String(at)] as const,
      [file('f', `${at}.bin`), content(size)] as const,
    ]),
  )
const body = bodyOf(sizes)
/** Each byte costs the client and the server a turn. */
const fewSizes = [0, 1, 64 * KiB, 64 * KiB + 1]

/** Records which method got each file. */
function witness(storage: Storage): { storage: Storage; ways: string[] } {
  const ways: string[] = []
  const noted: Storage = {
    store(stream, info, signal) {
      ways.push(`${info.name} stream`)
      return storage.store(stream, info, signal)
    },
    storeBytes(bytes, info) {
      ways.push(`${info.name} bytes`)
      return storage.storeBytes?.(bytes, info)
    },
  }
  return { storage: noted, ways }
}

describe.each(frameworks)('$name', ({ start }) => {
  const apps: App[] = []
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())))

  async function upload(storage: Storage, sent = body, cut: Cut = 'whole'): Promise<unknown> {
    const app = await start({
      mount: { storage, parsers: [MultiPartParser] },
      routes: [
        {
          path: '/',
          handler: async ({ data, files }) => ({
            names: Object.keys(data as object),
            files: await Promise.all(
              files['f']!.map(async (each) => [each.name, await text(each.createReadStream())]),
            ),
          }),
        },
      ],
    })
    apps.push(app)
    return (await exchange(app.port, { type: multipartX, body: sent }, cut)).json
  }

  const expectedOf = (sizes: readonly number[]): unknown => ({
    names: sizes.flatMap((_, at) => (at === 0 ? ['before0', 'f'] : [`before${at}`])),
    files: sizes.map((size, at) => [`${at}.bin`, content(size)]),
  })
  const expected = expectedOf(sizes)

  test.each([
    ['memory()', () => memory()],
    ['spool()', () => spool({ directory })],
    ['spool() of small files only', () => spool({ directory, threshold: 10 })],
    ['disk()', () => disk({ directory })],
  ])('files around 64 KiB arrive in %s, in order and complete', async (_, make) => {
    expect(await upload(make())).toEqual(expected)
  })

  test('files around 64 KiB arrive in order and complete if the body comes byte by byte', async () => {
    expect(await upload(memory(), bodyOf(fewSizes), 'byte by byte')).toEqual(expectedOf(fewSizes))
  })

  test('a file of at most 64 KiB is stored with storeBytes, a larger one with store', async () => {
    const { storage, ways } = witness(memory())
    await upload(storage)
    expect(ways).toEqual([
      '0.bin bytes',
      '1.bin bytes',
      '2.bin bytes',
      '3.bin bytes',
      '4.bin stream',
      '5.bin stream',
    ])
  })

  test('a storage that declines a file in storeBytes gets it as a stream', async () => {
    const { storage, ways } = witness({ store: (...given) => memory().store(...given) })
    expect(await upload(storage)).toEqual(expected)
    for (const at of [0, 1, 2, 3]) {
      expect(ways.filter((way) => way.startsWith(`${at}.`))).toEqual([`${at}.bin bytes`, `${at}.bin stream`])
    }
  })
})
