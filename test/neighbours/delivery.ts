/** The ways in which one request may reach a server. */
import { setTimeout } from 'node:timers/promises'
import { chunk, Connection, head, lastChunk, type Answer, type Sent } from '../adapters/client.js'

type Deliver = (port: number, sent: Sent) => Promise<Answer>

/** A way of sending a request, by a name that completes "when the body comes …". */
export const deliveries: readonly (readonly [name: string, deliver: Deliver])[] = [
  ['with its headers', (port, sent) => send(port, [Buffer.concat([Buffer.from(head(sent)), bodyOf(sent)])])],
  ['after its headers', (port, sent) => send(port, [head(sent), bodyOf(sent)])],
  ['in two pieces', (port, sent) => send(port, [head(sent), ...halves(sent)])],
  [
    'in chunks',
    (port, sent) =>
      send(port, [
        head({ ...sent, framing: 'chunked' }),
        // A chunk without a byte would end the body, and what follows would be another request.
        ...halves(sent)
          .filter((half) => half.length > 0)
          .map((half) => chunk(half)),
        lastChunk,
      ]),
  ],
]

function bodyOf({ body = '' }: Sent): Buffer {
  return Buffer.from(body as string)
}

function halves(sent: Sent): [Buffer, Buffer] {
  const body = bodyOf(sent)
  const middle = Math.ceil(body.length / 2)
  return [body.subarray(0, middle), body.subarray(middle)]
}

async function send(port: number, pieces: readonly (string | Buffer)[]): Promise<Answer> {
  const connection = await Connection.open(port)
  for (const [at, piece] of pieces.entries()) {
    // Long enough for the server to read the pieces one by one; if it does not, the test is only easier.
    if (at > 0) await setTimeout(20)
    connection.write(piece)
  }
  const answer = await connection.answer()
  connection.destroy()
  return answer
}
