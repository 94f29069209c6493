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

const plain = Buffer.alloc(MiB - 64, ' ')
const encoders: Readonly<Record<string, () => Buffer>> = {
  gzip: () => gzipSync(plain, { level: 9 }).subarray(0, -8),
  br: () => brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } }).subarray(0, -1),
}
const clients = 100

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
        const connection = await Connection.open(app.port)
        const headers = { 'Content-Encoding': encoding, 'Content-Length': String(body.length + 1) }
        connection.write(head({ type: 'application/json', framing: 'none', headers })).write(body)
        connections.push(connection)
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
})
