/** Reads a part of a form by the part's own media type. */
import { BodyError } from '../errors.js'
import type { PartParser } from './base-parser.js'
import { quote } from './field-meter.js'

/**
 * @param name of the field
 * @throws BodyError what the parser throws, with the name of the field in it
 */
export async function parsePart(parser: PartParser, content: Buffer, name: string): Promise<unknown> {
  try {
    // What a parser leaves undefined is still the value of a part that was sent.
    return (await parser(content)) ?? null
  } catch (error) {
    if (!(error instanceof BodyError)) throw error
    const detail = `In the field ${quote(name)}: ${error.detail}`
    const { code, status, hint, limit } = error
    throw new BodyError(code, {
      status,
      hint,
      ...(limit !== undefined && { limit }),
      detail,
      field: name,
      cause: error,
    })
  }
}
