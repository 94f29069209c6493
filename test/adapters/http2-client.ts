/** One request over HTTP/2, on a session that is shared. */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { setImmediate } from 'node:timers/promises'
import type { Answer, Cut, Sent } from './client.js'

const patience = 60_000

/** Sends one request and reads its answer. */
export async function exchangeHttp2(
  session: ClientHttp2Session,
  sent: Sent,
  cut: Cut = 'whole',
): Promise<Answer> {
  const stream = begin(session, sent)
  const answer = readAnswer(stream)
  // The caller awaits it; until then a rejection would count as unhandled.
  answer.catch(() => undefined)
  const body = Buffer.from((sent.body ?? '') as string)
  if (cut === 'byte by byte') {
    for (let at = 0; at < body.length && stream.writable; at += 1) {
      stream.write(body.subarray(at, at + 1))
      await setImmediate()
    }
    stream.end()
  } else if (sent.framing === 'none') stream.write(body)
  else stream.end(body)
  return answer
}

/** Opens the stream of a request whose body is still to be sent. */
export function begin(
  session: ClientHttp2Session,
  { method = 'POST', path = '/', type, headers, body = '', framing }: Sent,
): ClientHttp2Stream {
  const fields = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])
  return session.request({
    ':method': method,
    ':path': path,
    ...(type !== undefined && { 'content-type': type }),
    ...((framing ?? 'length') === 'length' && { 'content-length': Buffer.byteLength(body) }),
    ...Object.fromEntries(fields),
  })
}

/** Reads the answer of a stream. */
export function readAnswer(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let status = 0
    let headers: Record<string, string> = {}
    const late = setTimeout(() => reject(new Error(`Waited ${patience} ms for an answer.`)), patience)
    stream.on('response', (fields) => {
      status = Number(fields[':status'])
      const named = Object.entries(fields).filter(([name]) => !name.startsWith(':'))
      headers = Object.fromEntries(named.map(([name, value]) => [name, String(value)]))
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => clearTimeout(late))
    stream.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const body = bytes.toString()
      resolve({
        status,
        headers,
        body,
        bytes,
        get json(): any {
          return JSON.parse(body)
        },
      })
    })
  })
}
