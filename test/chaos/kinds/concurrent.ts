/** Concurrent uploads to the disk. */
import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { file, multipartX } from '../../adapters/client.js'
import { inParallel } from '../in-parallel.js'
import type { Deeds, Kind } from '../row.js'

const MiB = 1024 * 1024

/** Bytes of RSS allowed for each upload, and for all together in addition. Ten times as much is sent. */
const perUpload = MiB
const together = 64 * MiB

/** The target for each upload. */
const target = 256 * 1024

const start = `--X\r\n${file('f', 'f.bin')}\r\n\r\n`
const end = '\r\n--X--\r\n'
const pieceSize = 64 * 1024

export const concurrent: Kind = {
  name: 'uploads at once',
  count: 200,
  least: 20,
  async run(server, count, seed): Promise<Deeds> {
    const size = count < 200 ? MiB : 10 * MiB
    const content = randomFillSync(Buffer.alloc(size))
    await inParallel(10, 1, (index) =>
      upload(server.port, content, seed - index, Promise.resolve()).then(remove),
    )
    const before = await server.ask('watchMemory')
    let openGate: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (openGate = resolve))
    let open = 0
    const uploads = inParallel(count, count, (index) => {
      const ready = (): void => {
        open += 1
        if (open === count) openGate()
      }
      return upload(server.port, content, seed + index, gate, ready)
    })
    const outcomes = await uploads
    const peak = await server.ask('peak')
    const equal = await inParallel(
      count,
      4,
      async (index) => (await digestOf(outcomes[index]!.path)) === outcomes[index]!.digest,
    )
    await inParallel(count, 8, (index) => remove(outcomes[index]!))
    const growth = peak - before
    const bound = count * perUpload + together
    const broken = []
    const wrong = equal.filter((is) => !is).length
    if (wrong > 0) broken.push(`${wrong} files have another SHA-256`)
    if (growth > bound) broken.push(`the RSS has grown by ${growth} bytes, over ${bound}`)
    const seen = `${size / MiB} MiB each, ${count - wrong} of ${count} SHA-256 equal; RSS at most ${inMiB(before)} + ${inMiB(growth)} MiB (target ${inMiB(count * target + together)}, bound ${inMiB(bound)})`
    return { tried: count, seen, broken }
  },
}

interface Outcome {
  readonly path: string
  readonly digest: string
}

/** Opens the request, waits for the others, and sends the body: the content with `seed` in its first bytes. */
async function upload(
  port: number,
  content: Buffer,
  seed: number,
  gate: Promise<void>,
  ready: () => void = () => undefined,
): Promise<Outcome> {
  const mark = Buffer.from(`${seed} `.padEnd(32))
  const rest = content.subarray(mark.length)
  const sending = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/keep',
    agent: false,
    headers: {
      'Content-Type': multipartX,
      'Content-Length': start.length + content.length + end.length,
    },
  })
  sending.write(start)
  const answer = once(sending, 'response')
  await once(sending, 'socket').then(([socket]) => socket.connecting && once(socket, 'connect'))
  ready()
  await gate
  const hash = createHash('sha256')
  function* pieces(): Generator<Buffer> {
    hash.update(mark)
    yield mark
    for (let at = 0; at < rest.length; at += pieceSize) {
      const piece = rest.subarray(at, at + pieceSize)
      hash.update(piece)
      yield piece
    }
    yield Buffer.from(end)
  }
  await pipeline(pieces(), sending)
  const [response] = await answer
  const body = await text(response)
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${body}`)
  const [path] = JSON.parse(body) as [string]
  return { path, digest: hash.digest('hex') }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

function remove({ path }: Outcome): Promise<void> {
  return rm(path)
}

function inMiB(bytes: number): string {
  return (bytes / MiB).toFixed(0)
}
