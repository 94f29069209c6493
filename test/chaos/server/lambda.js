/** Sends requests through an adapter for AWS Lambda, whose responses emit "finish" and never "close". */
import { configure } from '@codegenie/serverless-express'

/** How many at once. */
const width = 20

const content = 'x'.repeat(100_000)
const part = (/** @type {string} */ name, /** @type {string} */ value) =>
  `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
const upload = `${part('a', '1')}${part('b', '2')}${part('f"; filename="f.txt', content)}--X--\r\n`
const form = ['multipart/form-data; boundary=X', upload]

/** Each kind of request: its path, media type and body. */
const requests = [
  ...['/disk', '/named', '/spool', '/memory', '/eager', '/lazy', '/typed', '/parts'].map((path) => [
    path,
    ...form,
  ]),
  ['/spool', 'application/json', JSON.stringify({ content })],
  ['/spool', 'application/octet-stream', content],
]

/**
 * @param {import('node:http').Server} server
 * @param {number} count
 * @returns {Promise<Record<string, number>>} how often each status was answered
 */
export async function sendEvents(server, count) {
  /** @type {any} */
  const handler = configure({
    app: /** @type {any} */ ((/** @type {any[]} */ ...pair) => server.emit('request', ...pair)),
  })
  /** @type {Record<string, number>} */
  const statuses = {}
  let next = 0
  const work = async () => {
    while (next < count) {
      const event = eventOf(/** @type {string[]} */ (requests[next % requests.length]))
      next += 1
      /** @type {{ statusCode: number }} */
      const { statusCode } = await handler(event, {})
      statuses[statusCode] = (statuses[statusCode] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: width }, work))
  return statuses
}

/** An event as API Gateway makes it. @param {string[]} request */
function eventOf([path = '', type = '', body = '']) {
  const headers = {
    'content-type': type,
    'content-length': String(body.length),
    'content-disposition': 'attachment; filename="f.txt"',
  }
  return {
    version: '2.0',
    rawPath: path,
    rawQueryString: '',
    headers,
    requestContext: { http: { method: 'POST', path, sourceIp: '127.0.0.1' }, stage: '$default' },
    body: Buffer.from(body).toString('base64'),
    isBase64Encoded: true,
  }
}
