/** The two other parsers. */
import { setImmediate } from 'node:timers/promises'
import { Busboy, type BusboyFileStream } from '@fastify/busboy'
import { Response } from 'undici'
import { refusal, type Answer, type Part } from './answers.js'
import type { Specimen } from './grammar.js'

/** The parser of the fetch standard in undici. It has the whole body before it begins. */
export async function askUndici({ contentType, body }: Specimen): Promise<Answer> {
  let form
  try {
    // oxlint-disable-next-line typescript/no-deprecated -- Slow for servers, but it is the standard's own parser.
    form = await new Response(body, { headers: { 'content-type': contentType } }).formData()
  } catch (error) {
    const { message, cause } = error as Error
    return refusal('refused', cause instanceof Error ? cause.message : message)
  }
  const parts: Part[] = []
  for (const [name, value] of form) {
    if (typeof value === 'string') parts.push({ name, value })
    else
      parts.push({
        name,
        filename: value.name,
        value: Buffer.from(await value.arrayBuffer()).toString('latin1'),
      })
  }
  return { kind: 'parts', parts }
}

/** Turns of the event loop after which a parser has hung: everything is in memory. */
const patience = 30

/** The fork of busboy that @fastify/multipart uses. It gets the body in one piece: its answers depend on the cut. */
export async function askFastifyBusboy({ contentType, body }: Specimen): Promise<Answer> {
  const slots: { name: string; filename?: string; chunks: Buffer[]; text?: string }[] = []
  let settled: Answer | undefined
  let busboy
  try {
    busboy = new Busboy({
      headers: { 'content-type': contentType },
      preservePath: true,
      limits: { fieldSize: Infinity, headerSize: 16 * 1024 },
    })
  } catch (error) {
    return refusal('refused', (error as Error).message)
  }
  const fail = (error: unknown): void => {
    settled ??= refusal('refused', (error as Error).message)
  }
  busboy.on('field', (name: string | undefined, text: string) =>
    slots.push({ name: name ?? '', chunks: [], text }),
  )
  busboy.on('file', (name: string | undefined, stream: BusboyFileStream, filename: string) => {
    const chunks: Buffer[] = []
    slots.push({ name: name ?? '', filename, chunks })
    stream.on('error', fail)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  })
  busboy.on('error', fail)
  busboy.on('finish', () => {
    settled ??= {
      kind: 'parts',
      parts: slots.map(({ name, filename, chunks, text }) =>
        text === undefined
          ? { name, filename: filename ?? '', value: Buffer.concat(chunks).toString('latin1') }
          : { name, value: text },
      ),
    }
  })
  try {
    busboy.end(body)
  } catch (error) {
    fail(error)
  }
  for (let turn = 0; turn < patience; turn += 1) {
    if (settled !== undefined) return settled
    await setImmediate()
  }
  return refusal('never settles')
}
