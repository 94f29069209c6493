/** Passes each request to the next app process. In production, use a load balancer. */
import { createServer, request } from 'node:http'
import { pipeline } from 'node:stream'

/**
 * @param {() => number | undefined} nextPort returns the port of the next process
 */
export function createFront(nextPort) {
  return createServer((req, res) => {
    const port = nextPort()
    if (port === undefined) {
      res.writeHead(503, { 'Retry-After': '1' }).end()
      return
    }
    const { method, url: path, headers } = req
    const forwarded = request({ host: '127.0.0.1', port, method, path, headers })
    forwarded.on('response', (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      pipeline(answer, res, () => undefined)
    })
    // The process has died. Only its clients have to retry.
    forwarded.on('error', () => {
      if (res.headersSent) res.destroy()
      else res.writeHead(502, { Connection: 'close' }).end()
    })
    res.on('close', () => forwarded.destroy())
    req.pipe(forwarded)
  })
}
