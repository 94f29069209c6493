import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { BodyStream } from './body-stream.js'
import { BodyError } from './errors.js'

/** What is read of these chunks, and what the stream fails with, where the body may have so many bytes. */
async function read(
  chunks: readonly string[],
  limit: number,
): Promise<[text: string, error: string | undefined]> {
  const body = new BodyStream(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), {
    limit,
    tooLarge: () => new BodyError('LIMIT_BODY_SIZE'),
    idle: Infinity,
    lost: () => new BodyError('CLIENT_ABORTED'),
  })
  let text = ''
  body.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const error = await new Promise<Error | undefined>((resolve) => {
    body.on('error', resolve).on('end', () => resolve(undefined))
  })
  return [text, error instanceof BodyError ? error.code : error?.message]
}

test.each([[['abcdef']], [['abc', 'def']], [['a', 'b', 'c', 'd', 'e', 'f']]])(
  'of a body that is too long the bytes up to the limit are read, cut as %j',
  async (chunks) => {
    expect(await read(chunks, 6)).toEqual(['abcdef', undefined])
    expect(await read(chunks, 5)).toEqual(['abcde', 'LIMIT_BODY_SIZE'])
    expect(await read(chunks, 0)).toEqual(['', 'LIMIT_BODY_SIZE'])
  },
)
