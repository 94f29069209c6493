/** Sends one case over a real socket and summarizes the answer. */
import { request } from 'node:http'
import type { Case } from './cases.js'

/** The ways to cut a body into chunks. All must give the same answer. */
const ways: readonly ((body: Buffer) => Buffer[])[] = [
  (body) => [body],
  (body) => Array.from(body, (_, at) => body.subarray(at, at + 1)),
  // After each line, so that a part in the epilogue arrives in its own chunk.
  (body) =>
    body
      .toString('latin1')
      .split(/(?<=\r\n)/)
      .map((line) => Buffer.from(line, 'latin1')),
]

const patience = 60_000
/** A longer body would take minutes byte by byte and show nothing new. */
const longest = 4000

/** The answer of a server, or all answers if they depend on how the body is cut. */
export async function answerTo(port: number, given: Case): Promise<string> {
  const body = Buffer.from(given.body, 'latin1')
  const answers: string[] = []
  for (const cut of body.length > longest ? ways.slice(0, 1) : ways)
    answers.push(await exchange(port, given, cut(body)))
  const different = [...new Set(answers)]
  return different.length === 1 ? different[0]! : `**depends on the cut:** ${different.join(' or ')}`
}

function exchange(port: number, { contentType, limits }: Case, chunks: readonly Buffer[]): Promise<string> {
  return new Promise((resolve) => {
    const sent = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/',
      agent: false,
      headers: {
        ...(contentType !== undefined && { 'content-type': contentType }),
        ...(limits && { 'x-limits': JSON.stringify(limits) }),
        'transfer-encoding': 'chunked',
      },
    })
    const timer = setTimeout(() => {
      resolve('**never answers**')
      sent.destroy()
    }, patience)
    sent.on('response', (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', () => undefined)
      response.on('close', () => {
        clearTimeout(timer)
        resolve(inWords(response.statusCode ?? 0, Buffer.concat(parts).toString()))
      })
    })
    sent.on('error', () => {
      clearTimeout(timer)
      resolve('**connection lost**')
    })
    for (const chunk of chunks) sent.write(chunk)
    sent.end()
  })
}

/** The answer of every server in this comparison. */
interface Reply {
  readonly fields?: readonly [name: string | null, value: unknown][]
  readonly files?: readonly [name: string | null, filename: string | null, size: number][]
  readonly code?: string
  readonly error?: string
  readonly message?: string
}

function inWords(status: number, json: string): string {
  let reply: Reply
  try {
    reply = JSON.parse(json) as Reply
  } catch {
    return `${status} ${json.slice(0, 60)}`
  }
  if (status !== 200) return `${status} ${code(reply.code ?? reply.error ?? reply.message ?? '')}`
  const fields = (reply.fields ?? []).map(
    ([name, value]) => `${plain(name)}=${typeof value === 'string' ? short(value) : JSON.stringify(value)}`,
  )
  const files = (reply.files ?? []).map(
    ([name, filename, size]) => `${plain(name)}=file ${short(filename)} of ${size}`,
  )
  return `200 ${code([...fields, ...files].join(' & ') || 'nothing')}`
}

/** A name without quotes around it; `null` if the parser gives none. */
function plain(name: string | null): string {
  return short(String(name)).slice(1, -1).replaceAll('\\"', '"')
}

function short(text: string | null): string {
  const escaped = JSON.stringify(text).replace(
    /[\u007f-\u009f\ufffd]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return escaped.length > 60 ? `${escaped.slice(0, 40)}…` : escaped
}

function code(text: string): string {
  const shown = text.length > 120 ? `${text.slice(0, 119)}…` : text
  return `\`${shown.replaceAll('`', "'").replaceAll('|', '\\|')}\``
}
