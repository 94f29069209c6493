/** Runs Formgate as a server does, on a body with given cuts. */
import { EventEmitter } from 'node:events'
import { IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import {
  BodyError,
  createBodyParser,
  DataAndFiles,
  FormParser,
  JSONParser,
  memory,
  MultiPartParser,
  PlainTextParser,
  type Entry,
  type Limits,
  type MediaType,
  type ParserContext,
} from '@formgate/core'
import { refusal, type Answer, type Part } from './answers.js'
import type { Specimen } from './grammar.js'

/** Where the body is cut: offsets in rising order. */
export type Cuts = readonly number[]

/** Gives the parser the chunks of a case: a Readable may join chunks that arrive quickly. */
class RecuttingParser extends MultiPartParser {
  entries: readonly Entry[] = []
  readonly #cuts: Cuts | undefined

  constructor(cuts: Cuts | undefined, { charset, charsetField, charsetsField }: Setting) {
    super({ charset, charsetField, charsetsField })
    this.#cuts = cuts
  }

  override async parse(
    stream: Readable,
    mediaType: MediaType,
    context: ParserContext,
  ): Promise<DataAndFiles> {
    const result = await super.parse(
      this.#cuts === undefined ? stream : await recut(stream, this.#cuts),
      mediaType,
      context,
    )
    this.entries = result.entries ?? []
    return result
  }
}

async function recut(stream: Readable, cuts: Cuts): Promise<Readable> {
  const body = Buffer.concat(await stream.toArray())
  return Readable.from(pieces(body, cuts))
}

export function pieces(body: Buffer, cuts: Cuts): Buffer[] {
  const ends = [...cuts.filter((cut) => cut > 0 && cut < body.length), body.length]
  // Each in its own memory, as from a socket, so that no read beyond its end succeeds.
  return ends
    .map((end, index) => Buffer.from(body.subarray(ends[index - 1] ?? 0, end)))
    .filter(({ length }) => length > 0)
}

export interface Setting {
  readonly limits?: Partial<Limits>
  readonly charset?: string
  readonly charsetField?: boolean
  readonly charsetsField?: string
  /** Send the chunks one per turn of the event loop, instead of recutting the body in the parser. */
  readonly trickle?: boolean
  /** Declare the length, or send in chunks. */
  readonly declareLength?: boolean
}

/** The parts that Formgate finds. The value of a JSON part is its JSON text. */
export async function askFormgate(specimen: Specimen, cuts: Cuts, setting: Setting = {}): Promise<Answer> {
  const parser = new RecuttingParser(setting.trickle === true ? undefined : cuts, setting)
  const parse = createBodyParser({
    parsers: [JSONParser, FormParser, PlainTextParser, parser],
    storage: memory(),
    ...(setting.limits && { limits: setting.limits }),
  })
  const request = requestOf(specimen, setting)
  const result = parse(request, responseStandIn())
  void send(request, setting.trickle === true ? pieces(specimen.body, cuts) : [specimen.body])
  try {
    await result
  } catch (error) {
    if (!(error instanceof BodyError)) throw error
    if (error.status < 400 || error.status > 499) throw error
    return refusal(error.code, [error.detail, error.hint, error.field, error.limit].join(' | '))
  }
  return { kind: 'parts', parts: await Promise.all(parser.entries.map(partOf)) }
}

async function partOf({ kind, name, value }: Entry): Promise<Part> {
  if (kind === 'text') return { name, value }
  if (kind === 'parsed') return { name, value: JSON.stringify(value) }
  return {
    name,
    filename: value.originalName,
    value: Buffer.from(await value.arrayBuffer()).toString('latin1'),
  }
}

function requestOf({ contentType, body }: Specimen, { declareLength = false }: Setting): IncomingMessage {
  const request = new IncomingMessage(new Socket())
  request.headers = {
    'content-type': contentType,
    ...(declareLength ? { 'content-length': String(body.length) } : { 'transfer-encoding': 'chunked' }),
  }
  return request
}

async function send(request: IncomingMessage, chunks: readonly Buffer[]): Promise<void> {
  for (const [index, chunk] of chunks.entries()) {
    if (index > 0) await setImmediate()
    request.push(chunk)
  }
  request.complete = true
  request.push(null)
}

function responseStandIn(): ServerResponse {
  return Object.assign(new EventEmitter(), {
    writableFinished: false,
    destroyed: false,
  }) as unknown as ServerResponse
}
