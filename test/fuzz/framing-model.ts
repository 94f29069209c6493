/** A second implementation of the framing rules over the whole body, to compare the real one with. */

/** A part as in the body; one character is one byte. */
export interface RawPart {
  readonly header: string
  readonly content: string
}

export interface Framed {
  readonly preamble: string
  readonly parts: readonly RawPart[]
  readonly end: 'closed' | 'truncated' | 'bare LF' | 'no delimiter' | 'header too long'
  readonly epilogue: string
  /** Whether white space follows a delimiter. */
  readonly isPadded: boolean
  /** Whether a part is empty and shares the CRLF of its header with the next delimiter. */
  readonly sharesLineEnd: boolean
}

const longestHeader = 16 * 1024

/** The boundary of a Content-Type header, if it has a usable one. */
export function boundaryOf(contentType: string): string {
  const match = /;[ \t]*boundary[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/i.exec(contentType)
  return match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2]?.replace(/[ \t]+$/, '') ?? ''
}

export function frame(body: string, boundary: string): Framed {
  const dashBoundary = `--${boundary}`.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
  // At the start of the body or of a line; closing, complete, or ended by a bare LF.
  const afterBareLf = new RegExp(`(?<!\\r)\\n${dashBoundary}(?:--|[ \\t]*\\r?\\n)`)
  const delimiter = new RegExp(`(?<=^|\\r\\n)${dashBoundary}(?:(--)|([ \\t]*)\\r\\n|[ \\t]*(\\n))`, 'g')
  const parts: RawPart[] = []
  let match = delimiter.exec(body)
  const preamble = match === null ? body : body.slice(0, match.index)
  let isPadded = false
  let sharesLineEnd = false
  let epilogue = ''
  const done = (end: Framed['end']): Framed => ({ preamble, parts, end, epilogue, isPadded, sharesLineEnd })
  if (match === null) {
    const isCut = `\r\n--${boundary}`.startsWith(body) || `--${boundary}`.startsWith(body)
    const endsInDelimiter = new RegExp(`(?<=^|\\r\\n)${dashBoundary}([ \\t]*\\r?|-)$`).test(body)
    return done(isCut || endsInDelimiter ? 'truncated' : 'no delimiter')
  }
  for (;;) {
    const at = match.index + match[0].length
    if (match[1] !== undefined) {
      epilogue = body.slice(at)
      return done('closed')
    }
    if (match[3] !== undefined) return done('bare LF')
    isPadded ||= match[2] !== ''
    const isEmpty = body.startsWith('\r\n', at)
    const headerEnd = isEmpty ? at : body.indexOf('\r\n\r\n', at)
    if (headerEnd === -1) {
      const rest = body.slice(at)
      parts.push({ header: rest, content: '' })
      const isTooLong = rest.length > longestHeader + 3
      if (/(?:^|[^\r])\n/.test(isTooLong ? rest.slice(0, longestHeader) : rest)) return done('bare LF')
      return done(isTooLong ? 'header too long' : 'truncated')
    }
    const header = body.slice(at, headerEnd)
    if (header.length > longestHeader) return done('header too long')
    const contentStart = headerEnd + (isEmpty ? 2 : 4)
    delimiter.lastIndex = contentStart
    match = delimiter.exec(body)
    // A truncated part counts too: its header can be malformed.
    const contentEnd = match === null ? body.length : Math.max(contentStart, match.index - 2)
    parts.push({ header, content: body.slice(contentStart, contentEnd) })
    if (match === null) return done('truncated')
    if (afterBareLf.test(body.slice(contentStart, contentEnd + 2))) return done('bare LF')
    sharesLineEnd ||= match.index === contentStart
  }
}
