/** Parsers for forms that have tickets in place of files. */
import {
  BodyError,
  DataAndFiles,
  type Entry,
  type FormParser,
  type MultiPartParser,
  type ParserContext,
  type TextEntry,
} from '@formgate/core'
import type { PendingUploads } from './pending-uploads.js'
import { looksLikeTicket, type Tickets } from './tickets.js'

/** The uploads of one form. */
export interface FormUploads {
  readonly tickets: Tickets
  readonly pending: PendingUploads
  /** Who sends a request. @throws TypeError if the app does not say; what the app throws */
  readonly ownerOf: (request: ParserContext['request']) => Promise<string>
}

/** Lets a parser put files in the place of tickets. @returns the parser */
export function readTickets<Parser extends FormParser | MultiPartParser>(
  parser: Parser,
  uploads: FormUploads,
): Parser {
  const read = parser.parse.bind(parser)
  const parse: typeof read = async (stream, mediaType, context) =>
    withFiles(await read(stream, mediaType, context), context, uploads)
  return Object.assign(parser, { parse })
}

/** One file after the other, since each costs several requests to the store. */
async function withFiles(
  form: DataAndFiles,
  context: ParserContext,
  { tickets, pending, ownerOf }: FormUploads,
): Promise<DataAndFiles> {
  const { entries = [] } = form
  if (!entries.some(isTicket)) return form
  const limit = context.limits.files
  if (entries.filter((entry) => entry.kind === 'file' || isTicket(entry)).length > limit)
    throw new BodyError('LIMIT_FILES', { limit })
  const owner = await ownerOf(context.request)
  const read: Entry[] = []
  for (const entry of entries) {
    if (!isTicket(entry)) {
      read.push(entry)
      continue
    }
    const { name, value } = entry
    const { info, content } = pending.expect(tickets.read(value, name, owner), name)
    if ((await context.filter?.(info)) === false) continue
    read.push({ kind: 'file', name, value: await context.storeFile(content, info) })
  }
  return DataAndFiles.fromEntries(read)
}

function isTicket(entry: Entry): entry is TextEntry {
  return entry.kind === 'text' && looksLikeTicket(entry.value)
}
