/** Storages and handlers that read 1 MB per second, while clients send as fast as they can. */
import { createHash, randomFillSync } from 'node:crypto'
import { request, type ClientRequest } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { file, multipartX } from '../../adapters/client.js'
import type { Deeds, Kind } from '../row.js'

const MB = 1_000_000
const MiB = 1024 * 1024

/** The body of each client. */
const offered = 256 * MiB

/** By how much the RSS may grow. A server that buffered the bodies would grow by 2 GiB, or by all that arrives in time. */
const bound = 48 * MiB

/** How many clients send to each kind of sink. */
const clients = 4

const start = `--X\r\n${file('f', 'f.bin')}\r\n\r\n`
const end = '\r\n--X--\r\n'
const block = randomFillSync(Buffer.alloc(64 * 1024))

export const slowSinks: Kind = {
  name: 'slow sinks',
  count: 10,
  least: 2,
  async run(server, seconds): Promise<Deeds> {
    // The first bytes of all clients do not count as growth.
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
    // A reset, so that the system of the client drops unsent bytes.
    for (const sender of senders) sender.socket?.resetAndDestroy()
    const elapsed = (performance.now() - started) / 1000
    const growth = (await server.ask('peak')) - before
    // A slow sink notices that its client has gone only after it has read the buffers of the system.
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

/** Sends as long as the connection accepts more. */
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

/** Sends a whole body of this size and compares it with what the handler has read. */
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
