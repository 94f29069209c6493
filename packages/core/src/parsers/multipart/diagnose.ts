/** The 400s for a body that is not the multipart body its header declares. */
import { BodyError } from '../../errors.js'
import { trimOws } from '../../http/media-type.js'
import { counted } from '../../http/shown-text.js'
import { guessFormat, type BodyFormat } from '../guess-format.js'

/** The 400 for a part that breaks the grammar. @param number of the part, from 1 */
export function malformedPart(
  number: number,
  reason: string,
  hint: string = 'Let the HTTP client build the multipart body, for example from a FormData.',
): BodyError {
  return new BodyError('MALFORMED_PART', {
    detail: `Part ${number} of the multipart body is malformed: ${reason}.`,
    hint,
  })
}

/** The 400 for a multipart body whose lines end in LF alone. @param detail default: of the body as a whole */
export function lfLineEndings(detail?: string): BodyError {
  return new BodyError('LF_LINE_ENDINGS', { detail })
}

/** True if there is an LF without CR before it. */
export function hasBareLf(text: string): boolean {
  return /(?:^|[^\r])\n/.test(text)
}

/** The 413 for a part with a header of more than `limit` bytes. */
export function headerTooLong(limit: number): BodyError {
  const detail = `The header of a part is longer than ${counted(limit, 'byte')}.`
  return new BodyError('LIMIT_HEADER_SIZE', { detail, limit })
}

/**
 * Checks that a header ends where it should.
 *
 * @param isEndless whether no empty line was found
 * @throws BodyError `LF_LINE_ENDINGS`, or `MALFORMED_PART` if it contains a delimiter
 */
export function checkHeader(header: string, boundary: string, number: number, isEndless: boolean): void {
  const holdsNext = header.split('\r\n').some((line) => isDelimiter(line, boundary))
  if ((isEndless || holdsNext) && hasBareLf(header)) throw lfLineEndings()
  if (!holdsNext) return
  if (!header.startsWith(`--${boundary}`))
    throw malformedPart(number, 'its header does not end with an empty line')
  throw malformedPart(
    number,
    `its delimiter "--${boundary}" is followed by another one`,
    'Write one delimiter before each part, and the closing one after the last part. After its delimiter a part begins with ' +
      'its header, such as Content-Disposition: form-data; name="a".',
  )
}

function isDelimiter(line: string, boundary: string): boolean {
  if (!line.startsWith(`--${boundary}`)) return false
  const rest = line.slice(2 + boundary.length)
  return rest.startsWith('--') || trimOws(rest) === ''
}

/**
 * The 400 for a body without its closing delimiter. The hint names what stands in its place.
 *
 * @param tail the last bytes of the body
 */
export function truncatedBody(tail: string, boundary: string): BodyError {
  const detail = `The body ends before its closing delimiter "--${boundary}--".`
  const cause = misplacedClosing(tail, boundary)
  const hint =
    cause && `${cause} End the body with CRLF, the closing delimiter and CRLF: "\\r\\n--${boundary}--\\r\\n".`
  return new BodyError('TRUNCATED_BODY', { detail, hint })
}

function misplacedClosing(tail: string, boundary: string): string | undefined {
  const closing = `--${boundary}--`
  const at = tail.lastIndexOf(closing)
  if (at > 0) {
    return tail[at - 1] === '\n'
      ? `The body has "${closing}" after LF alone, where CRLF must precede it.`
      : `The body has "${closing}", but no CRLF before it.`
  }
  const end = tail.trimEnd()
  const line = end.slice(end.lastIndexOf('\n') + 1).trim()
  const ends = `The body ends in ${JSON.stringify(line)}`
  if (line === `--${boundary}`)
    return `${ends}, without the two dashes of a closing delimiter. Check that the body was sent whole.`
  if (line !== '' && line.replace(/^-*/, '') === closing.replace(/^-*/, ''))
    return `${ends}, without the two dashes that begin a delimiter.`
  if (line.startsWith(`--${boundary}`) && /^[ \t]+--$/.test(line.slice(2 + boundary.length)))
    return `${ends}, with white space before the last two dashes.`
  if (!/^--[^\s-]\S{0,199}--$|^--\S{1,200}[^\s-]--$/.test(line)) return undefined
  return `${ends}, which looks like a closing delimiter with another boundary than "${boundary}".`
}

/** The 400 for a multipart body whose header declares no boundary. It names the one that the body seems to use. */
export function missingBoundary(start: Buffer): BodyError {
  const format = guessFormat(start)
  const hints: Record<BodyFormat['kind'], string> = {
    multipart: ` The body seems to use the boundary "${format.kind === 'multipart' ? format.boundary : ''}".`,
    json: ' The body looks like JSON, for which the header is application/json.',
    urlencoded:
      ' The body looks like a URL-encoded form, for which the header is application/x-www-form-urlencoded.',
    unknown: '',
  }
  const advice =
    'Remove the Content-Type header that was set by hand: the HTTP client adds it together with the boundary. In ' +
    'python-requests pass files= and no Content-Type; with fetch or axios pass the FormData alone; with curl use -F alone.'
  return new BodyError('MISSING_BOUNDARY', { hint: advice + hints[format.kind] })
}

/**
 * The 400 for a body without a delimiter.
 *
 * @param start at most the first 64 KiB
 * @param boundary the boundary that the header declares
 */
export function bodyUnlikeHeader(start: Buffer, boundary: string): BodyError {
  const lines = start.toString('latin1').replaceAll('\r\n', '\n').split('\n', 1000)
  // Between two CRLFs, such a line would be a delimiter.
  if (lines.some((line) => isDelimiter(line, boundary))) return lfLineEndings()
  const trimmed = lines.map((line) => line.trimEnd())
  if (trimmed.includes(boundary) || trimmed.includes(`${boundary}--`)) return withoutDashes(boundary)
  const format = guessFormat(start)
  const seen = seenBoundary(trimmed) ?? (format.kind === 'multipart' ? format.boundary : undefined)
  if (seen !== undefined && seen !== boundary) return otherBoundary(boundary, seen)
  if (!start.includes(`--${boundary}`, 0, 'latin1')) return notMultipart(format.kind)
  return new BodyError('BOUNDARY_MISMATCH', {
    detail: `The body has "--${boundary}", but not on a line of its own.`,
    hint: 'A delimiter follows CRLF or the start of the body, and CRLF follows it (RFC 2046, 5.1.1).',
  })
}

/** The boundary of the first line that looks like a delimiter: one above a part's header, or the first of the body. */
function seenBoundary(lines: readonly string[]): string | undefined {
  const aboveHeader = lines.find(
    (line, at) => /^--./.test(line) && /^Content-[\w-]+:/i.test(lines[at + 1] ?? ''),
  )
  if (aboveHeader !== undefined) return aboveHeader.slice(2)
  return /^--(?=\S*\w)(\S{1,200}?)(?:--)?$/.exec(lines.find((line) => line !== '') ?? '')?.[1]
}

function withoutDashes(boundary: string): BodyError {
  return new BodyError('BOUNDARY_MISMATCH', {
    detail: `The body has lines "${boundary}" where it should have "--${boundary}".`,
    hint:
      'A delimiter is "--" and the boundary; the last one also ends in "--" (RFC 2046, 5.1.1). ' +
      `With the boundary "${boundary}" the first line is "--${boundary}" and the last one "--${boundary}--".`,
  })
}

function otherBoundary(declared: string, seen: string): BodyError {
  const detail = `The Content-Type header declares the boundary "${declared}" but the body uses "${seen}".`
  let hint: string | undefined
  if (declared === `'${seen}'`)
    hint = 'Single quotes are part of the boundary. Use double quotes around it, or none.'
  else if (declared.toLowerCase() === seen.toLowerCase()) hint = 'A boundary is case-sensitive.'
  return new BodyError('BOUNDARY_MISMATCH', { detail, hint })
}

function notMultipart(kind: BodyFormat['kind']): BodyError {
  const declares = 'The Content-Type header says multipart/form-data but the body looks like'
  if (kind === 'json')
    return new BodyError('NOT_MULTIPART', {
      detail: `${declares} JSON.`,
      hint:
        'Send JSON with Content-Type: application/json, which python-requests (json=), curl (--json) and axios set by ' +
        'themselves; or send a form, and let the HTTP client set the header.',
    })
  if (kind === 'urlencoded')
    return new BodyError('NOT_MULTIPART', {
      detail: `${declares} a URL-encoded form.`,
      hint:
        'Send it with Content-Type: application/x-www-form-urlencoded, or as multipart: files= in python-requests, -F in ' +
        'curl, a FormData in fetch or axios. Let the HTTP client set the header.',
    })
  return new BodyError('NOT_MULTIPART')
}
