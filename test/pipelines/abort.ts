/** Clients that go away in the middle of a file. */
import { setTimeout as delay } from 'node:timers/promises'
import { Connection, file, head, multipartX } from '../adapters/client.js'

/** Begins an upload to `path`, sends the first bytes of its file, and goes away: after a condition, or at some moment. */
export async function abortAfter(
  port: number,
  path: string,
  bytes: Buffer,
  name = 'a.bin',
  condition: () => PromiseLike<unknown> = () => delay(Math.random() * 60),
): Promise<void> {
  const headers = { 'Content-Length': String(bytes.length + 100_000) }
  const connection = await Connection.open(port)
  connection.write(head({ path, type: multipartX, headers, framing: 'none' }))
  connection.write(`--X\r\n${file('f', name)}\r\n\r\n`).write(bytes)
  await condition()
  connection.destroy()
}
