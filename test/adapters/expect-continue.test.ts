/** "100 Continue" on servers of every kind: deferred where requests reach Formgate, untouched everywhere else. */
import { once } from 'node:events'
import * as http from 'node:http'
import * as http2 from 'node:http2'
import * as https from 'node:https'
import { Socket, type AddressInfo, type Server } from 'node:net'
import { createBodyParser, PlainTextParser, type BodyError } from '@formgate/core'
import { afterEach, describe, expect, test } from 'vitest'
import { Connection, head } from './client.js'

/** TLS without a certificate: both sides know a key. */
const key = { psk: Buffer.alloc(32, 1), identity: 'test' }
const serverTls = {
  pskCallback: () => key.psk,
  pskIdentityHint: 'test',
  ciphers: 'PSK',
  maxVersion: 'TLSv1.2',
} as const
const clientTls = {
  pskCallback: () => key,
  ciphers: 'PSK',
  maxVersion: 'TLSv1.2',
  checkServerIdentity: () => undefined,
} as const

const closers: (() => void)[] = []
afterEach(() => closers.splice(0).forEach((close) => close()))

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** What a client with `Expect: 100-continue` receives. */
interface Heard {
  readonly continued: boolean
  readonly status: number
}

const parse = createBodyParser({ parsers: [PlainTextParser], limits: { textSize: 5 } })

/** Answers 200, or the status of the error. */
function handle(request: any, response: any): void {
  const answer = (status: number): void => {
    response.statusCode = status
    response.end()
  }
  void parse(request, response).then(
    () => answer(200),
    (error: unknown) => answer((error as BodyError).status),
  )
}

/** Sends the headers, and after a 100 Continue the body. */
type Send = (port: number, body: string) => Promise<Heard>

const overHttp1 =
  (scheme: 'http' | 'https'): Send =>
  async (port, body) => {
    const request = (scheme === 'http' ? http : https).request({
      ...(scheme === 'https' && clientTls),
      port,
      host: '127.0.0.1',
      method: 'POST',
      agent: false,
      headers: { 'Content-Type': 'text/plain', 'Content-Length': body.length, Expect: '100-continue' },
    })
    request.flushHeaders()
    let continued = false
    request.on('continue', () => {
      continued = true
      request.end(body)
    })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    request.destroy()
    return { continued, status: response.statusCode! }
  }

const overHttp2 =
  (scheme: 'http' | 'https'): Send =>
  async (port, body) => {
    const session = http2.connect(`${scheme}://127.0.0.1:${port}`, scheme === 'https' ? clientTls : {})
    const stream = session.request({
      ':method': 'POST',
      'content-type': 'text/plain',
      'content-length': body.length,
      expect: '100-continue',
    })
    let continued = false
    stream.on('continue', () => {
      continued = true
      stream.end(body)
    })
    const [fields] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
    session.destroy()
    return { continued, status: Number(fields[':status']) }
  }

interface Kind {
  readonly name: string
  readonly create: (handler: typeof handle) => Server
  readonly send: Send
}

const kinds: readonly Kind[] = [
  { name: 'http', create: (handler) => http.createServer(handler), send: overHttp1('http') },
  { name: 'https', create: (handler) => https.createServer(serverTls, handler), send: overHttp1('https') },
  { name: 'http2', create: (handler) => http2.createServer(handler), send: overHttp2('http') },
  {
    name: 'http2 with TLS',
    create: (handler) => http2.createSecureServer(serverTls, handler),
    send: overHttp2('https'),
  },
  {
    name: 'HTTP/1 on http2 with TLS',
    create: (handler) => http2.createSecureServer({ ...serverTls, allowHTTP1: true }, handler),
    send: overHttp1('https'),
  },
]

describe.each(kinds)('a server of $name whose requests reach Formgate', ({ create, send }) => {
  test('refuses before the body is sent, from its second request on', async () => {
    const port = await listen(create(handle))
    // On the first request, Node itself sends 100 Continue.
    expect(await send(port, 'small')).toEqual({ continued: true, status: 200 })
    for (let round = 0; round < 2; round += 1) {
      expect(await send(port, 'too large')).toEqual({ continued: false, status: 413 })
      expect(await send(port, 'small')).toEqual({ continued: true, status: 200 })
    }
  })

  test('refuses its first request too', async () => {
    const port = await listen(create(handle))
    expect((await send(port, 'too large')).status).toBe(413)
  })

  test('gets one listener for all its requests', async () => {
    const server = create(handle)
    const port = await listen(server)
    for (let round = 0; round < 3; round += 1) await send(port, 'small')
    expect(server.listenerCount('checkContinue')).toBe(1)
  })

  test.each(['before', 'after'])(
    'is left alone if the app adds a listener %s the first request',
    async (time) => {
      const server = create(handle)
      const port = await listen(server)
      let asked = 0
      const own = (request: any, response: any): void => {
        asked += 1
        response.writeContinue()
        handle(request, response)
      }
      if (time === 'after') await send(port, 'small')
      server.on('checkContinue', own)
      expect(await send(port, 'small')).toEqual({ continued: true, status: 200 })
      expect(await send(port, 'too large')).toEqual({ continued: true, status: 413 })
      expect(asked).toBe(2)
    },
  )
})

test('a server without Formgate is untouched by a server that uses it', async () => {
  const formgate = http.createServer(handle)
  const formgatePort = await listen(formgate)
  const own: PropertyKey[][] = []
  const other = http.createServer((request, response) => {
    own.push([...Reflect.ownKeys(request), ...Reflect.ownKeys(response)])
    response.end()
  })
  const otherPort = await listen(other)
  const ask = async (): Promise<readonly number[]> => {
    const connection = await Connection.open(otherPort)
    connection.write(head({ type: 'text/plain', headers: { Expect: '100-continue' }, body: 'hello' }))
    expect((await connection.answer()).status).toBe(200)
    connection.destroy()
    return connection.interim
  }
  // Node itself sends it, although nothing reads the body.
  expect(await ask()).toEqual([100])
  await overHttp1('http')(formgatePort, 'small')
  expect(await ask()).toEqual([100])
  expect(formgate.listenerCount('checkContinue')).toBe(1)
  expect(other.listenerCount('checkContinue')).toBe(0)
  expect(own[1]).toEqual(own[0])
  expect(own[1]).not.toContain('_read')
  expect(own[1]).not.toContain('writeContinue')
})

test('a request that a host made itself, on a socket without a server, is read', async () => {
  const request = new http.IncomingMessage(new Socket())
  Object.assign(request, { headers: { 'content-type': 'text/plain', 'content-length': '5' }, complete: true })
  request.push('hello')
  request.push(null)
  expect((await parse(request, new http.ServerResponse(request))).data).toBe('hello')
})
