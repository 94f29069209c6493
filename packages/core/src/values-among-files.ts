/** Values that came as files: a browser gives a Blob of JSON a file name, and a multipart() above knows no schema. */
import type { Entry, FileEntry } from './parsers/data-and-files.js'
import { BodyError } from './errors.js'
import { isJson, parseMediaType } from './http/media-type.js'
import type { Config } from './options/options.js'
import type { ParserContext, PartParser } from './parsers/base-parser.js'
import { quote } from './parsers/form-limits.js'
import { parsePart } from './parsers/base-parser.js'

/**
 * The entries of a form as they would be had the route read it: a file of JSON where the schema wants a value is that
 * value.
 *
 * @throws BodyError `MALFORMED_JSON` or `LIMIT_FIELD_SIZE`
 */
export async function readValues(
  entries: readonly Entry[],
  { partParser }: Pick<ParserContext, 'partParser'>,
  { fileRules, limits }: Config,
): Promise<readonly Entry[]> {
  const parserOf = (entry: Entry): PartParser | undefined => {
    if (entry.kind !== 'file' || fileRules?.find(entry.name)?.kind !== 'value') return undefined
    const mediaType = parseMediaType(entry.value.type)
    return mediaType !== undefined && isJson(mediaType) ? partParser(mediaType) : undefined
  }
  const parsers = entries.map(parserOf)
  if (parsers.every((parser) => parser === undefined)) return entries
  const read: Entry[] = []
  for (const [at, entry] of entries.entries()) {
    const parser = parsers[at]
    const isValue = parser !== undefined && entry.kind === 'file'
    read.push(isValue ? await readValue(entry, parser, limits.fieldSize) : entry)
  }
  return read
}

async function readValue(
  { name, value: file }: FileEntry,
  parser: PartParser,
  limit: number,
): Promise<Entry> {
  if (file.size > limit) {
    const detail = `The field ${quote(name)} is larger than ${limit} bytes.`
    throw new BodyError('LIMIT_FIELD_SIZE', { detail, field: name, limit })
  }
  const bytes = Buffer.from(await file.arrayBuffer())
  return {
    kind: 'parsed',
    name,
    value: await parsePart(parser, bytes, name),
  }
}
