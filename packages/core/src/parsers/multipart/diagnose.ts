/** Why a body is not what its header says: what was declared, what was seen, what to change. */
import { BodyError } from '../../errors.js'
import { trimOws } from '../../http/media-type.js'
import { guessFormat } from '../guess-format.js'

/** The 400 for a multipart body whose lines end in LF alone. */
export function lfLineEndings(): BodyError {
  return new BodyError('LF_LINE_ENDINGS')
}

/** Whether there is an LF without CR before it. */
export function hasBareLf(text: string): boolean {
  return /(?:^|[^\r])\n/.test(text)
}

/**
 * The 400 for a body in which no delimiter was found.
 *
 * @param start the body up to its first 64 KiB
 * @param boundary the boundary that the header declares
 */
export function bodyUnlikeHeader(start: Buffer, boundary: string): BodyError {
  const lines = start.toString('latin1').split('\n', 1000)
  // With a CRLF before and behind it, such a line would be a delimiter.
  if (lines.some((line, at) => isDelimiter(at < lines.length - 1 ? withoutCr(line) : line, boundary))) {
    return lfLineEndings()
  }
  if (lines.some((line) => isBareBoundary(line.trimEnd(), boundary))) return withoutDashes(boundary)
  const look = guessFormat(start)
  const seen =
    seenBoundary(lines.map((line) => line.trimEnd())) ??
    (look.kind === 'multipart' ? look.boundary : undefined)
  if (seen !== undefined && seen !== boundary) return otherBoundary(boundary, seen)
  if (start.includes(`--${boundary}`, 0, 'latin1')) return notAtLineStart(boundary)
  return notMultipart(look.kind === 'multipart' ? 'unknown' : look.kind)
}

/** The boundary of the first line that looks like a delimiter: one above a part's header, or the first of the body. */
function seenBoundary(lines: readonly string[]): string | undefined {
  const aboveHeader = lines.find(
    (line, at) => /^--./.test(line) && /^Content-[\w-]+:/i.test(lines[at + 1] ?? ''),
  )
  if (aboveHeader !== undefined) return aboveHeader.slice(2)
  return /^--(?=\S*\w)(\S{1,200}?)(?:--)?$/.exec(lines.find((line) => line !== '') ?? '')?.[1]
}

function isDelimiter(line: string, boundary: string): boolean {
  if (!line.startsWith(`--${boundary}`)) return false
  const rest = line.slice(2 + boundary.length)
  return rest.startsWith('--') || trimOws(rest) === ''
}

function withoutCr(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

/** A line that would be a delimiter if it began with two more dashes. */
function isBareBoundary(line: string, boundary: string): boolean {
  return line === boundary || line === `${boundary}--`
}

function withoutDashes(boundary: string): BodyError {
  return new BodyError('BOUNDARY_MISMATCH', {
    detail: `The body has lines "${boundary}" where it should have "--${boundary}".`,
    hint:
      'A delimiter is "--" and the boundary, and the last one has "--" at its end too (RFC 2046, 5.1.1). ' +
      `With the boundary "${boundary}" the first line is "--${boundary}" and the last one "--${boundary}--".`,
  })
}

function notAtLineStart(boundary: string): BodyError {
  return new BodyError('BOUNDARY_MISMATCH', {
    detail: `The body has "--${boundary}", but neither at the start of a line nor as the whole of one.`,
    hint: 'A delimiter stands at the start of the body or behind CRLF, and CRLF follows it (RFC 2046, 5.1.1).',
  })
}

function otherBoundary(declared: string, seen: string): BodyError {
  const detail = `The Content-Type header declares the boundary "${declared}" but the body uses "${seen}".`
  if (declared === `'${seen}'`) {
    return new BodyError('BOUNDARY_MISMATCH', {
      detail,
      hint: 'Single quotes are part of the boundary. Put it in double quotes or in none.',
    })
  }
  if (declared.toLowerCase() === seen.toLowerCase()) {
    return new BodyError('BOUNDARY_MISMATCH', { detail, hint: 'Upper and lower case matter in a boundary.' })
  }
  return new BodyError('BOUNDARY_MISMATCH', { detail })
}

function notMultipart(kind: 'json' | 'urlencoded' | 'unknown'): BodyError {
  if (kind === 'json') {
    return new BodyError('NOT_MULTIPART', {
      detail: 'The Content-Type header says multipart/form-data but the body looks like JSON.',
      hint:
        'Send JSON with Content-Type: application/json, which python-requests (json=), curl (--json) and axios set by ' +
        'themselves; or send a form, and let the HTTP client set the header.',
    })
  }
  if (kind === 'urlencoded') {
    return new BodyError('NOT_MULTIPART', {
      detail: 'The Content-Type header says multipart/form-data but the body looks like a URL-encoded form.',
      hint:
        'Send it with Content-Type: application/x-www-form-urlencoded, or as multipart: files= in python-requests, -F in ' +
        'curl, a FormData in fetch or axios. Let the HTTP client set the header.',
    })
  }
  return new BodyError('NOT_MULTIPART')
}
