import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { discardRest } from './drain.js'
import { IncomingBody } from './incoming-body.js'

test('the request of a client that disconnects after its answer, before the end of its body, is released at once', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.write('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nabc')
  const [request, response] = await once(server, 'request')
  await once(request, 'data')
  const source = new IncomingBody(request, response)
  source.onResponseEnd(() => discardRest(source, { bodySize: 2000, idle: 30_000, total: 30_000 }))
  response.end('answer')
  await once(client, 'data')
  client.destroy()
  await expect.poll(() => request.destroyed).toBe(true)
  server.close()
})
