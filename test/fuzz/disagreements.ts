/** Every known class of disagreement between Formgate and two other parsers, and which is right. */
import type { Answer, Part } from './answers.js'
import type { Framed, RawPart } from './framing-model.js'
import type { Specimen } from './grammar.js'

export type Peer = 'undici' | '@fastify/busboy'

/** The evidence on one disagreement over a whole body. */
export interface Evidence {
  readonly peer: Peer
  readonly specimen: Specimen
  readonly boundary: string
  readonly framed: Framed
  readonly ours: Answer
  readonly theirs: Answer
}

/** A part that differs, or that one side lacks. */
export interface PartEvidence {
  readonly peer: Peer
  readonly raw: RawPart
  readonly ours: Part | undefined
  readonly theirs: Part | undefined
}

export interface Disagreement {
  readonly name: string
  readonly formgate: string
  readonly others: string
  readonly right: string
  /** Whether this explains that only one side refuses, or that both read the whole body differently. */
  readonly applies?: (evidence: Evidence) => boolean
  /** Whether this explains a file on one side that is a field or absent on the other. */
  readonly explainsKind?: (evidence: PartEvidence) => boolean
  /** Whether this explains different names or file names of a part. */
  readonly explainsName?: (evidence: PartEvidence, ours: string, theirs: string) => boolean
  /** Whether this explains different values of a part. */
  readonly explainsValue?: (evidence: PartEvidence) => boolean
}

/** The part that Formgate refuses. */
function partAtFault({ ours, framed }: Evidence): RawPart | undefined {
  const number = ours.kind === 'refusal' ? /^Part (\d+) /.exec(ours.detail)?.[1] : undefined
  return number === undefined ? undefined : framed.parts[Number(number) - 1]
}

/** Whether Formgate refused with this code and reason, and a header or content confirms it. */
function refused(
  code: string,
  reason: RegExp,
  bearsOut: (part: RawPart, evidence: Evidence) => boolean,
): (evidence: Evidence) => boolean {
  return (evidence) => {
    const { ours } = evidence
    if (ours.kind !== 'refusal' || ours.code !== code || !reason.test(ours.detail)) return false
    const part = partAtFault(evidence)
    return part !== undefined && bearsOut(part, evidence)
  }
}

const code = ({ ours }: Evidence): string => (ours.kind === 'refusal' ? ours.code : '')
const reads = ({ ours, theirs }: Evidence): boolean => ours.kind === 'parts' && theirs.kind === 'refusal'
const text = ({ specimen }: Evidence): string => specimen.body.toString('latin1')
const lines = ({ header }: RawPart): string[] => header.split('\r\n')
const hasLine = (part: RawPart, pattern: RegExp): boolean => lines(part).some((line) => pattern.test(line))

/** The value of a header line, or `''`. */
function line({ header }: RawPart, name: string): string {
  return new RegExp(`(?:^|\\r\\n)${name}:[ \\t]*([^\\r\\n]*)`, 'i').exec(header)?.[1] ?? ''
}

const disposition = (part: RawPart): string => line(part, 'Content-Disposition')

/** Whether the other parser takes something for a delimiter that is none. */
function hasBoundaryElsewhere({ peer, boundary, framed }: Evidence): boolean {
  const sought = peer === 'undici' ? boundary : `\r\n--${boundary}`
  return (
    `\r\n${framed.preamble}`.includes(peer === 'undici' ? `--${boundary}` : sought) ||
    // The content after a header begins a line too, and the dashes of a delimiter can begin the boundary.
    framed.parts.some(({ header, content }) => {
      if (peer !== 'undici' && `\r\n${header}`.includes(sought)) return true
      const line = `\r\n${content}\r\n--${boundary}`
      return line.indexOf(sought, peer === 'undici' ? 2 : 0) < content.length + (peer === 'undici' ? 6 : 2)
    })
  )
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const browserDisposition = new RegExp(
  `^form-data(?:;[ \\t]*(?:name|filename)=(?:"[^"\\r]*"|${token}))+$`,
  'i',
)
const browserContentType = new RegExp(`^multipart/form-data; ?boundary=(?:"[^"\\\\,]*"|${token})$`, 'i')
const chosenName = /;[ \t]*name[ \t]*=[ \t]*(?:"[^"]|[^";\s])/i

export const disagreements: readonly Disagreement[] = [
  {
    name: 'a body without a byte',
    formgate: 'is an empty form',
    others: 'refuse it',
    right:
      'Formgate by choice: RFC 2046, 5.1.1 requires at least one part, but without a byte there is no form at all, and ' +
      'Django, Starlette and every body parser of other types answer with an empty one.',
    applies: ({ specimen }) => specimen.body.length === 0,
  },
  {
    name: 'a boundary that is empty, longer than 200 characters or ends in a space',
    formgate: '400 `INVALID_BOUNDARY`',
    others: 'take it',
    right: 'Formgate: RFC 2046, 5.1.1 allows 1 to 70 characters, of which the last is not a space.',
    applies: (e) => code(e) === 'INVALID_BOUNDARY' && /^$|^.{201,}$| $/.test(e.boundary),
  },
  {
    name: 'two boundaries that differ',
    formgate: '400 `DUPLICATE_BOUNDARY`',
    others: 'take the first',
    right:
      'Formgate: RFC 2045, 5 gives a parameter one value. A proxy that takes the other one sees another body.',
    applies: (e) =>
      code(e) === 'DUPLICATE_BOUNDARY' && (e.specimen.contentType.match(/boundary/gi)?.length ?? 0) > 1,
  },
  {
    name: 'a Content-Type that is invalid, or has no boundary',
    formgate: '415, or 400 `MISSING_BOUNDARY`',
    others: '`@fastify/busboy` reads what begins with `multipart/form-data` and finds a boundary in most',
    right: 'Formgate: RFC 9110, 8.3.1 and 5.6.6.',
    applies: (e) => ['UNSUPPORTED_MEDIA_TYPE', 'MISSING_BOUNDARY', 'MISSING_CONTENT_TYPE'].includes(code(e)),
  },
  {
    name: 'LF where CRLF is required',
    formgate: '400 `LF_LINE_ENDINGS`',
    others: 'drop the part or read the line as content',
    right: 'Formgate: RFC 2046, 4.1.1 and 5.1.1. Reading on would lose a part.',
    applies: (e) => code(e) === 'LF_LINE_ENDINGS' && /(?:^|[^\r])\n/.test(text(e)),
  },
  {
    name: 'a body that ends before its closing delimiter',
    formgate: '400 `TRUNCATED_BODY`',
    others: 'undici reads a boundary in the middle of a line as the end',
    right: 'Formgate: RFC 2046, 5.1.1, close-delimiter.',
    applies: (e) => code(e) === 'TRUNCATED_BODY' && e.framed.end === 'truncated',
  },
  {
    name: 'no delimiter at the start of a line',
    formgate: '400 `BOUNDARY_MISMATCH` or `NOT_MULTIPART`',
    others:
      'undici begins at the first occurrence of the boundary, even in the middle of a line; `@fastify/busboy` reads ' +
      'another boundary from the header',
    right: 'Formgate: RFC 2046, 5.1.1, "must occur at the beginning of a line".',
    applies: (e) =>
      ['BOUNDARY_MISMATCH', 'NOT_MULTIPART'].includes(code(e)) && e.framed.end === 'no delimiter',
  },
  {
    name: 'the boundary before the first delimiter: a delimiter with something attached',
    formgate: '400 `BOUNDARY_MISMATCH`',
    others: 'undici begins there; `@fastify/busboy` drops the part',
    right:
      'Formgate by choice: RFC 2046, 5.1.1 calls it preamble, which is ignored; but it is the rest of a delimiter, and ' +
      'ignoring it would lose a part.',
    applies: (e) => code(e) === 'BOUNDARY_MISMATCH' && e.framed.preamble.includes(`--${e.boundary}`),
  },
  {
    name: 'a part with an empty header',
    formgate: '400 `MALFORMED_PART`',
    others: '`@fastify/busboy` drops the part',
    right: 'Formgate: RFC 7578, 4.2 requires a Content-Disposition in each part.',
    applies: refused('MALFORMED_PART', /header is empty/, ({ header }) => header === ''),
  },
  {
    name: 'a header that does not end with an empty line',
    formgate: '400 `MALFORMED_PART`',
    others: '`@fastify/busboy` drops the part',
    right: 'Formgate: RFC 2046, 5.1.1, body-part.',
    applies: (e) =>
      code(e) === 'MALFORMED_PART' &&
      /does not end with an empty line|is followed by another one/.test(
        (e.ours as { detail: string }).detail,
      ),
  },
  {
    name: 'an invalid header line: no colon, white space before the name or the colon, a name that is not a token',
    formgate: '400 `MALFORMED_PART`',
    others:
      '`@fastify/busboy` unfolds a line that begins with white space and drops a part whose header it cannot read; undici ' +
      'accepts white space before the colon',
    right: 'Formgate: RFC 9110, 5.1, and RFC 9112, 5.1 and 5.2, which refuse both.',
    applies: refused('MALFORMED_PART', /has no colon|begins with white space|a name in its header/, (part) =>
      hasLine(part, /^[^:]*$|^[ \t]|^(?![!#$%&'*+.^_`|~0-9A-Za-z-]+:)/),
    ),
  },
  {
    name: 'a backtick in the name of a header line',
    formgate: 'is read',
    others: 'undici refuses it',
    right: 'Formgate: RFC 9110, 5.6.2 has the backtick among the characters of a token.',
    applies: (e) =>
      e.peer === 'undici' && reads(e) && e.framed.parts.some((part) => hasLine(part, /^[^:]*`[^:]*:/)),
  },
  {
    name: 'a CR without LF in a header',
    formgate: '400 `MALFORMED_PART`',
    others: '`@fastify/busboy` drops the part',
    right: 'Formgate: RFC 9110, 5.5.',
    applies: refused('MALFORMED_PART', /CR without LF/, (part) => hasLine(part, /\r/)),
  },
  {
    name: 'two Content-Disposition or Content-Type lines',
    formgate: '400 `MALFORMED_PART`',
    others: '`@fastify/busboy` takes the first, undici the last',
    right:
      'Formgate: RFC 9110, 5.3 forbids the second; if two readers take different ones, a filter can be bypassed.',
    applies: refused('MALFORMED_PART', /two content-\S+ lines/, ({ header }) => /content-/i.test(header)),
  },
  {
    name: 'a part without Content-Disposition: form-data',
    formgate: '400 `MALFORMED_PART`',
    others: '`@fastify/busboy` drops the part',
    right: 'Formgate: RFC 7578, 4.2.',
    applies: refused(
      'MALFORMED_PART',
      /has no Content-Disposition|Content-Disposition is "|has no type/,
      (part) => !/^form-data[ \t]*(?:;|$)/i.test(disposition(part)),
    ),
  },
  {
    name: 'a parameter of Content-Disposition that cannot be read, or that occurs twice',
    formgate: '400 `MALFORMED_PART`',
    others:
      '`@fastify/busboy` reads on at the next semicolon and takes the last of two; undici stops at what it cannot read and ' +
      'takes the last of two',
    right:
      'Formgate: RFC 6266, 4.1 has no such parameter and forbids a second one. A quote is sent as `%22` (WHATWG HTML, ' +
      '4.10.21.8), so a quote in the middle means that the client does not escape names.',
    applies: refused(
      'MALFORMED_PART',
      /cannot be read|has two "|quote that is not escaped|no closing quote/,
      (part) => disposition(part) !== '',
    ),
  },
  {
    name: 'a filename* that is malformed, a name*, or a value in pieces (filename*0)',
    formgate: '400 `MALFORMED_PART`, or `INVALID_CHARSET`',
    others:
      '`@fastify/busboy` takes what it can, and the wrong bytes for a charset that it does not know; undici knows UTF-8 alone',
    right: 'Formgate: RFC 8187, 3.2.1 and 3.2.2; RFC 7578, 4.2 has neither name* nor values in pieces.',
    applies: (e) =>
      ['MALFORMED_PART', 'INVALID_CHARSET'].includes(code(e)) &&
      /\*\d*\*?"|unknown charset/.test((e.ours as { detail: string }).detail) &&
      /(?:name|filename)\*/i.test(disposition(partAtFault(e) ?? { header: '', content: '' })),
  },
  {
    name: 'a file name that leaves no safe name',
    formgate: '400 `MALFORMED_PART`',
    others: 'return it unchanged',
    right:
      'Formgate by choice, as Django: `..` and `dir/` are folders. RFC 7578, 4.2 refers to RFC 2183, 2.3: do not trust any path.',
    applies: refused('MALFORMED_PART', /is not a file name/, ({ header }) => /filename/i.test(header)),
  },
  {
    name: 'a part that itself contains several parts (multipart/mixed)',
    formgate: '400 `MALFORMED_PART`',
    others: 'return the envelope as a text or a file',
    right: 'Formgate: RFC 7578, 4.3 deprecates it, and its files would arrive as one text.',
    applies: refused('MALFORMED_PART', /is itself a multipart body/, (part) =>
      /^multipart\//i.test(line(part, 'Content-Type')),
    ),
  },
  {
    name: 'content in a part whose filename is empty',
    formgate: '400 `MALFORMED_PART`',
    others: 'a file without a name',
    right:
      'Formgate: no browser sends it (WHATWG HTML, 4.10.21.4), and a file without a name would be lost as "no file chosen".',
    applies: refused(
      'MALFORMED_PART',
      /filename is empty/,
      ({ header, content }) => content !== '' && /filename/i.test(header),
    ),
  },
  {
    name: 'a part without a name, or with an empty one',
    formgate: '400 `MISSING_PART_NAME`',
    others: 'both accept an empty name; a missing one is `undefined` in `@fastify/busboy`',
    right:
      'Formgate for the missing one: RFC 7578, 4.2. By choice for the empty one: the fetch standard accepts it.',
    applies: (e) =>
      code(e) === 'MISSING_PART_NAME' &&
      !chosenName.test(disposition(partAtFault(e) ?? { header: '', content: '' })),
  },
  {
    name: 'a charset that is not known',
    formgate: '400 `INVALID_CHARSET`',
    others: 'undici reads every text as UTF-8; `@fastify/busboy` gives what it can',
    right:
      'Formgate: by RFC 7578, 4.4 the charset parameter counts. A guess would store another text than was sent.',
    applies: refused('INVALID_CHARSET', /charset/, (part) => /charset/i.test(line(part, 'Content-Type'))),
  },
  {
    name: 'text that is not valid in its charset',
    formgate: '400 `INVALID_CHARSET`',
    others: 'replace its bytes by U+FFFD',
    right: 'Formgate by choice: a byte that is lost is not reported to anyone.',
    applies: (e) =>
      code(e) === 'INVALID_CHARSET' && /is not valid/.test((e.ours as { detail: string }).detail),
  },
  {
    name: 'a JSON part that is not JSON, or a URL-encoded one that is not URL-encoded',
    formgate: '400 `MALFORMED_JSON` or `MALFORMED_FORM`',
    others: 'return the text',
    right: 'Formgate by choice: the part says what it is (RFC 7578, 4.4).',
    applies: (e) =>
      (code(e) === 'MALFORMED_JSON' && /content-type:[ \t]*application\/\S*json/i.test(text(e))) ||
      (code(e) === 'MALFORMED_FORM' && /content-type:[ \t]*application\/x-www-form/i.test(text(e))),
  },
  {
    name: 'more, or longer, than a limit allows',
    formgate: '413',
    others: 'have other limits, or none',
    right: 'A matter of choice.',
    applies: (e) => code(e).startsWith('LIMIT_'),
  },
  {
    name: 'white space behind a delimiter',
    formgate: 'is skipped',
    others: 'undici refuses it; `@fastify/busboy` drops the part',
    right: 'Formgate: RFC 2046, 5.1.1, transport-padding.',
    applies: (e) => e.framed.isPadded && e.ours.kind === 'parts',
  },
  {
    name: 'a boundary with bytes beyond ASCII',
    formgate: 'is compared byte by byte',
    others: 'undici and `@fastify/busboy` look for the UTF-8 of its Latin-1 form',
    right:
      'Formgate, as far as the standard goes: RFC 2046, 5.1.1 allows only ASCII, and the bytes are the same on both sides.',
    applies: (e) => reads(e) && /[\u0080-\u00ff]/.test(e.boundary),
  },
  {
    name: 'the boundary outside of a delimiter',
    formgate: 'is content, or preamble',
    others:
      'undici ends a part at every occurrence of the boundary, with or without dashes and CRLF, and begins at the first; ' +
      '`@fastify/busboy` ends the form at the boundary and two dashes, or drops what follows it',
    right: 'Formgate: RFC 2046, 5.1.1, a delimiter is at the start of a line, and complete.',
    applies: (e) => e.ours.kind === 'parts' && hasBoundaryElsewhere(e),
  },
  {
    name: 'an empty part that shares the CRLF of its header with the next delimiter',
    formgate: 'is an empty part',
    others: 'undici refuses it, `@fastify/busboy` drops it',
    right: 'Formgate: RFC 2046, 5.1.1, body-part without content.',
    applies: (e) => e.ours.kind === 'parts' && e.framed.sharesLineEnd,
  },
  {
    name: 'Content-Disposition in another form than browsers write it',
    formgate:
      'is read: white space, empty parameters, other parameters, escaped quotes, values without quotes',
    others:
      'undici reads names, `=`, and values in quotes or of token characters only, with no white space before the semicolon',
    right: 'Formgate: RFC 6266, 4.1 with RFC 9110, 5.6.4 and 5.6.6.',
    applies: (e) =>
      e.peer === 'undici' &&
      reads(e) &&
      e.framed.parts.some((part) => !browserDisposition.test(disposition(part))),
  },
  {
    name: 'Content-Type in another form than browsers write it',
    formgate: 'is read: white space, other parameters, boundaries without quotes that need them',
    others:
      'undici reads it as the MIME Sniffing standard does, and splits it at commas; `@fastify/busboy` drops white space',
    right:
      'Formgate: RFC 9110, 5.6.6 for white space; by choice for what should be quoted, since many clients do not.',
    applies: (e) => reads(e) && !browserContentType.test(e.specimen.contentType),
  },
  {
    name: 'no file chosen',
    formgate: 'a part with an empty filename and no content is absent',
    others: 'give an empty file',
    right:
      'Formgate by choice: by WHATWG HTML, 4.10.21.4 browsers send it for an input in which nothing was chosen; the fetch ' +
      'standard passes it on.',
    // A filename* that says no name is ignored, where others take all of it for the name.
    explainsKind: ({ raw, ours, theirs }) =>
      ours === undefined &&
      theirs?.value === '' &&
      (theirs.filename === '' || /filename\*/i.test(disposition(raw))),
  },
  {
    name: 'a JSON part, or another one that a parser of the route reads',
    formgate: 'is parsed',
    others: 'is text',
    right: 'Formgate by choice: RFC 7578, 4.4, a part has its own media type.',
    explainsValue: ({ raw, ours }) =>
      ours?.filename === undefined &&
      (/json/i.test(line(raw, 'Content-Type'))
        ? JSON.stringify(parseJson(raw.content)) === ours?.value
        : /^application\/x-www-form-urlencoded/i.test(line(raw, 'Content-Type'))),
  },
  {
    name: '%22, %0D and %0A in names and file names',
    formgate: 'are decoded, only in upper case',
    others:
      '`@fastify/busboy` leaves them; undici decodes lower case too, but nothing in a value without quotes',
    right: 'Formgate and undici: WHATWG HTML, 4.10.21.8 escapes with exactly these three, in upper case.',
    explainsName: ({ peer }, ours, theirs) =>
      peer === 'undici'
        ? ours.replaceAll('%0a', '\n').replaceAll('%0d', '\r') === theirs || ours === unescaped(theirs)
        : ours === unescaped(theirs),
  },
  {
    name: 'a backslash in a quoted name or file name',
    formgate: 'is a literal backslash, except in `\\"`',
    others: '`@fastify/busboy` reads it as an escape of what follows, and reads two as one',
    right:
      'Formgate: browsers do not escape backslashes (WHATWG HTML, 4.10.21.8). By RFC 9110, 5.6.4 alone the other would ' +
      'be right, and `C:\\new` a different name.',
    explainsName: ({ raw }) => disposition(raw).includes('\\'),
    explainsKind: ({ raw, theirs }) => theirs !== undefined && disposition(raw).includes('\\'),
  },
  {
    name: 'bytes in a name that are not UTF-8',
    formgate: 'are read as Latin-1',
    others: 'become U+FFFD',
    right:
      'Formgate by choice: RFC 7578, 5.1 prescribes UTF-8, but a readable old name is better than a lost one.',
    explainsName: ({ raw }) => Buffer.from(disposition(raw), 'latin1').toString().includes('\uFFFD'),
  },
  {
    name: 'a value without quotes that has spaces or quotes in it',
    formgate: 'keeps its spaces',
    others: '`@fastify/busboy` drops them',
    right: 'None of them: RFC 9110, 5.6.6 requires quotes. Formgate keeps what was sent.',
    explainsName: ({ raw }) => /=[ \t]*[^"; \t][^";]*[ \t]/.test(disposition(raw)),
  },
  {
    name: 'filename*',
    formgate: 'overrides the plain form, whatever their order',
    others: '`@fastify/busboy` takes the last of both',
    right: 'Formgate: RFC 6266, 4.3. (RFC 7578, 4.2 forbids clients to send it.)',
    explainsName: ({ raw }) => /filename\*/i.test(disposition(raw)),
    // A parameter called filename*x is none of the two, and busboy takes it for one.
    explainsKind: ({ raw, ours, theirs }) =>
      /filename\*[^=]/i.test(disposition(raw)) &&
      ours?.filename === undefined &&
      theirs?.filename !== undefined,
  },
  {
    name: 'a part without a filename whose type is not text',
    formgate: 'is a file',
    others: 'undici returns a text; so does `@fastify/busboy`, except for application/octet-stream',
    right:
      'Formgate by choice: by RFC 7578, 4.2 and the fetch standard the filename makes the file, but decoded as text an image ' +
      'would lose its bytes.',
    explainsKind: ({ raw, ours, theirs }) =>
      /^(?!text\/)./i.test(line(raw, 'Content-Type')) &&
      ours?.filename === '' &&
      theirs?.filename === undefined,
  },
  {
    name: "the charset of a part's text",
    formgate: 'is honoured',
    others: 'undici always reads UTF-8; `@fastify/busboy` knows a few names',
    right: 'Formgate: RFC 7578, 4.4 and 5.1.2. The fetch standard reads only UTF-8.',
    explainsValue: ({ raw, ours }) =>
      /charset=/i.test(line(raw, 'Content-Type')) && ours?.filename === undefined,
  },
  {
    name: 'Content-Transfer-Encoding: base64',
    formgate: 'is not decoded',
    others: 'undici decodes it',
    right: 'Formgate: RFC 7578, 4.7 deprecates the header, and the fetch standard does not know it.',
    explainsValue: ({ peer, raw }) =>
      peer === 'undici' && /^base64[ \t]*$/.test(line(raw, 'Content-Transfer-Encoding')),
  },
]

function unescaped(name: string): string {
  return name.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n')
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(Buffer.from(json, 'latin1').toString())
  } catch {
    return undefined
  }
}
