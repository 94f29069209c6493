/** Whoever takes the bytes takes 1 MB per second, and clients offer them as fast as they can. */
import { createHash, randomFillSync } from 'node:crypto'
import { request, type ClientRequest } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { file, multipartX } from '../../adapters/client.js'
import type { Deeds, Kind } from '../row.js'

const MB = 1_000_000
const MiB = 1024 * 1024

/** What each client offers. */
const offered = 256 * MiB

/** By how much the RSS may grow. Whoever held what is offered would grow by 2 GiB, or as much as comes in the time. */
const bound = 48 * MiB

/** Of each way to take bytes there are so many clients. */
const clients = 4

const start = `--X\r\n${file('f', 'f.bin')}\r\n\r\n`
const end = '\r\n--X--\r\n'
const block = randomFillSync(Buffer.alloc(64 * 1024))

export const slowSinks: Kind = {
  name: 'slow sinks',
  count: 10,
  least: 2,
  async run(server, seconds): Promise<Deeds> {
    // What the first bytes of all cost is no growth.
    await finish(server.port, MB / 4)
    await server.ask('hurry', 0)
    const before = await server.ask('watchMemory')
    const takenBefore = await server.ask('taken')
    const started = performance.now()
    const paths = Array.from({ length: clients }, () => ['/sink', '/sink-parts']).flat()
    const senders = paths.map((path) => offer(server.port, path))
    const whole = await finish(server.port, seconds * MB * 0.7)
    await delay(seconds * 200)
    const taken = (await server.ask('taken')) - takenBefore
    // A reset, so that the client's own system forgets what it has not sent.
    for (const sender of senders) sender.socket?.resetAndDestroy()
    const elapsed = (performance.now() - started) / 1000
    const growth = (await server.ask('peak')) - before
    // Who takes slowly gets to know that its client has gone only when it has taken what is in the system's buffers.
    await server.ask('hurry', 1)
    const broken = []
    if (growth > bound) broken.push(`the RSS has grown by ${growth} bytes`)
    if (whole !== 'equal') broken.push(`an upload that was sent to its end: ${whole}`)
    if (taken < MB) broken.push(`only ${taken} bytes were taken`)
    const seen = `${paths.length} × 256 MiB offered, ${(taken / MB).toFixed(0)} MB taken in ${elapsed.toFixed(0)} s; RSS at most +${(growth / MiB).toFixed(0)} MiB`
    return { tried: paths.length, seen, broken }
  },
}

function open(port: number, path: string, size: number): ClientRequest {
  const length = start.length + size + end.length
  const sending = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path,
    agent: false,
    headers: { 'Content-Type': multipartX, 'Content-Length': length },
  })
  sending.on('error', () => undefined)
  sending.write(start)
  return sending
}

/** Sends for as long as the connection takes more. */
function offer(port: number, path: string): ClientRequest {
  const sending = open(port, path, offered)
  let left = offered / block.length
  const go = (): void => {
    while (left > 0 && !sending.destroyed) {
      left -= 1
      if (!sending.write(block)) return
    }
  }
  sending.on('drain', go)
  go()
  return sending
}

/** Sends so many bytes to their end, and compares what the handler has seen of them. */
async function finish(port: number, size: number): Promise<string> {
  const sending = open(port, '/sink-parts', size)
  const answer = once(sending, 'response')
  const hash = createHash('sha256')
  for (let left = size; left > 0; left -= block.length) {
    const piece = block.subarray(0, Math.min(left, block.length))
    hash.update(piece)
    if (!sending.write(piece)) await once(sending, 'drain')
  }
  sending.end(end)
  const [response] = (await answer) as [NodeJS.ReadableStream & { statusCode: number }]
  const body = await text(response as never)
  if (response.statusCode !== 200) return `${response.statusCode} ${body}`
  const [seen] = JSON.parse(body) as [{ sha256: string; size: number }]
  return seen.sha256 === hash.digest('hex') && seen.size === size ? 'equal' : `other bytes: ${body}`
}
