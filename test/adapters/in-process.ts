/** Pushes bodies through core without a socket, so that each chunk arrives as it was cut. */
import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { BodyError, createBodyParser, toProblem, type MountOptions } from '@formgate/core'

type Parser = ReturnType<typeof createBodyParser>

/** What a client would see: the problem, or data and files as JSON. */
export interface Outcome {
  readonly status: number
  readonly json: any
}

/** Returns a function that parses a body from the given chunks. */
export function inProcess(
  options: Omit<MountOptions, 'errors' | 'lazy'>,
): (headers: Readonly<Record<string, string>>, chunks: readonly Buffer[]) => Promise<Outcome> {
  const parse = createBodyParser(options)
  return async (headers, chunks) => {
    const request = Object.assign(Readable.from(oneByOne(chunks), { objectMode: false }), { headers })
    const response = Object.assign(new EventEmitter(), { writableFinished: false, destroyed: false })
    try {
      const { data, files } = await parse(...([request, response] as unknown as Parameters<Parser>))
      return { status: 200, json: JSON.parse(JSON.stringify({ data, files })) }
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      return { status: error.status, json: toProblem(error) }
    } finally {
      response.emit('close')
    }
  }
}

async function* oneByOne(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    yield chunk
    // The reader gets a turn for each chunk.
    await setImmediate()
  }
}

/** Splits a body into single bytes. */
export function singleBytes(body: Buffer): Buffer[] {
  return Array.from(body, (_, at) => body.subarray(at, at + 1))
}
