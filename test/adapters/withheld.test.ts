/** How much memory a client costs that withholds the end of its body. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { FormParser, JSONParser, PlainTextParser } from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { Connection, head } from './client.js'
import { frameworks } from './frameworks.js'

const MiB = 2 ** 20

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** The memory of the process with that of zlib, which no heap statistic shows. */
function held(): number {
  collect()
  collect()
  return process.memoryUsage.rss()
}

/** What can be reached, without what the allocator keeps for later. */
function reachable(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const plain = Buffer.alloc(MiB - 64, ' ')
const encoders: Readonly<Record<string, () => Buffer>> = {
  gzip: () => gzipSync(plain, { level: 9 }).subarray(0, -8),
  br: () => brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } }).subarray(0, -1),
}
const clients = 100

/** Sends a body that declares one byte more. */
async function withhold(port: number, body: Buffer, type: string, encoding?: string): Promise<Connection> {
  const connection = await Connection.open(port)
  const headers = {
    'Content-Length': String(body.length + 1),
    ...(encoding !== undefined && { 'Content-Encoding': encoding }),
  }
  return connection.write(head({ type, framing: 'none', headers })).write(body)
}

describe.each(frameworks)('$name', ({ start }) => {
  test.each(Object.keys(encoders))(
    'a hundred clients that withhold the last bytes of a body in %s cost less than 512 KiB each',
    async (encoding) => {
      const app = await start({
        mount: { parsers: [JSONParser, FormParser, PlainTextParser] },
        routes: [{ path: '/' }],
      })
      const body = encoders[encoding]!()
      const connections: Connection[] = []
      const send = async (): Promise<void> => {
        connections.push(await withhold(app.port, body, 'application/json', encoding))
      }
      try {
        await send()
        const before = held()
        for (let at = 0; at < clients; at += 1) await send()
        await new Promise((resolve) => setTimeout(resolve, 500))
        // Decompressed, each would hold 1 MiB and the state of zlib; the limit leaves room for sockets and requests.
        expect((held() - before) / clients).toBeLessThan(MiB / 2)
      } finally {
        for (const connection of connections) connection.destroy()
        await app.close()
      }
    },
  )

  test.each(['application/json', 'application/x-www-form-urlencoded'])(
    'small parts of type %s keep nothing of what came around them while the end of the form is withheld',
    async (type) => {
      const app = await start({ mount: {}, routes: [{ path: '/' }] })
      const header = `Content-Disposition: form-data; name="a"\r\nContent-Type: ${type}\r\nX-A: ${'x'.repeat(16_000)}`
      const body = Buffer.from(`--X\r\n${header}\r\n\r\n1\r\n`.repeat(300))
      const connections: Connection[] = []
      const send = async (): Promise<void> => {
        connections.push(await withhold(app.port, body, 'multipart/form-data; boundary=X'))
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
      try {
        await send()
        const before = reachable()
        for (let at = 0; at < 5; at += 1) await send()
        // The headers alone are 24 MB.
        expect(reachable() - before).toBeLessThan(8 * MiB)
      } finally {
        for (const connection of connections) connection.destroy()
        await app.close()
      }
    },
  )
})
