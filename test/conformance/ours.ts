/** Formgate as a plain server of node:http. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BodyError, createBodyParser, memory, type Limits } from '@formgate/core'

/** A server that answers in the format of the peers. */
export async function startOurs(): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const header = request.headers['x-limits']
    const limits = typeof header === 'string' ? (JSON.parse(header) as Partial<Limits>) : {}
    const answer = (status: number, reply: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
    }
    createBodyParser({ limits, storage: memory() })(request, response).then(
      ({ data, files }) => {
        const list = Object.entries(files).flatMap(([name, each]) =>
          each.map(({ originalName, size }) => [name, originalName, size]),
        )
        const fields = Object.entries(data as Record<string, unknown>).flatMap(([name, value]) =>
          [value]
            .flat()
            .filter((each) => !(each instanceof File))
            .map((each) => [name, each]),
        )
        answer(200, { fields, files: list })
      },
      (error: unknown) => {
        if (error instanceof BodyError) answer(error.status, { code: error.code })
        else answer(500, { error: String(error) })
      },
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}
