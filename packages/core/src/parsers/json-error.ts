/** Finds where a text stops being JSON: the messages of JSON.parse differ between versions and often name no place. */

import { guessFormat } from './guess-format.js'

export interface JsonError {
  readonly reason: string
  /** Characters before the error. */
  readonly offset: number
}

// Character codes, not patterns: a body may have a million tokens, and starting a pattern takes longer than reading one.
const [TAB, LF, CR, SPACE] = [9, 10, 13, 32]
const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]
const [plus, minus, point, zero, nine] = [0x2b, 0x2d, 0x2e, 0x30, 0x39]
const [lowerE, upperE, lowerU] = [0x65, 0x45, 0x75]
const literals: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((each) => [each.charCodeAt(0), each]),
)

/** Finds the first error by the grammar of RFC 8259. @returns `undefined` if the text is JSON */
export function findJsonError(text: string): JsonError | undefined {
  const scanner = new JsonScanner(text)
  const expected = scanner.scan()
  if (expected === undefined) return undefined
  const { offset } = scanner
  const found = offset < text.length ? JSON.stringify(text[offset]) : 'the end of the body'
  return { reason: `expected ${expected} but found ${found}`, offset }
}

/** What a front end often sends in place of JSON, by how the text begins. */
const beginnings: readonly (readonly [start: string, hint: string])[] = [
  [
    '[object ',
    'The client made a text of an object. Send JSON.stringify(data), or pass the data as JSON to the HTTP client.',
  ],
  ['undefined', 'The client sent a variable without a value as text. Send JSON, or no body.'],
  ['<', 'The body looks like XML or HTML. Send JSON, or the Content-Type header that fits the body.'],
  [
    "'{",
    `Quotes of a command line are part of the body: cmd on Windows takes only double ones, as in "{\\"a\\":1}".`,
  ],
]

/** What is often found at the place of an error. */
const misspellings: readonly (readonly [start: string, hint: string])[] = [
  [
    "'",
    'JSON has double quotes. Send json.dumps(data) or json=data in Python, JSON.stringify(data) in JavaScript.',
  ],
  ...['None', 'True', 'False'].map(
    (start) =>
      [start, `JSON has null, true and false. In Python send json.dumps(data) or json=data.`] as const,
  ),
  ...['NaN', 'Infinity', '-Infinity', 'undefined'].map(
    (start) => [start, `JSON has no ${start}. Send null, or leave the property out.`] as const,
  ),
  ['/', 'JSON has no comments. Remove them.'],
]

/** Says what to change in a text that is not JSON. @returns `undefined` if the cause is not known */
export function jsonHint(text: string, { offset, reason }: JsonError): string | undefined {
  const begins = beginnings.find(([start]) => text.trimStart().startsWith(start))
  const found = begins ?? misspellings.find(([start]) => text.startsWith(start, offset))
  if (found !== undefined) return found[1]
  if (guessFormat(Buffer.from(text.slice(0, 1024))).kind === 'urlencoded') return urlencodedHint
  const isCut = offset === text.length && text.trim() !== ''
  if (isCut) return 'The body ends in the middle of a value. Check that it was sent whole.'
  if ('}]'.includes(text[offset]!) && text.slice(0, offset).trimEnd().endsWith(','))
    return 'JSON has no comma after the last item. Remove it.'
  if (reason.startsWith('expected a property name'))
    return 'Put the names of properties in double quotes. JSON.stringify(data) does.'
  if (reason.startsWith('expected the end') && '{['.includes(text[offset]!))
    return 'The body has several values. Send them as one list, [...], or each in a request of its own.'
  return undefined
}

const urlencodedHint =
  'The body looks like a URL-encoded form. Send it with Content-Type: application/x-www-form-urlencoded, or send JSON: ' +
  'json= in python-requests, --json in curl, JSON.stringify(data) in fetch or jQuery.'

/** Scans a text. Its methods return what they expected at `offset` and did not find there. */
class JsonScanner {
  offset = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  scan(): string | undefined {
    // The open brackets, one byte each. No recursion, which deep nesting would let overflow the call stack.
    const open = new Uint8Array(this.#text.length)
    let depth = 0
    for (;;) {
      // Reads a value, or the start of one.
      const first = this.#next()
      let missed: string | undefined
      if (first === openBrace || first === openBracket) {
        this.offset += 1
        if (this.#next() !== closerOf(first)) {
          open[depth++] = first
          missed = first === openBrace ? this.#key() : undefined
          if (missed !== undefined) return missed
          continue
        }
        this.offset += 1
      } else {
        missed = this.#scalar(first)
        if (missed !== undefined) return missed
      }
      // A value is complete: closes what it ends, then goes on to the next one.
      for (;;) {
        const next = this.#next()
        if (depth === 0) return this.offset === this.#text.length ? undefined : 'the end'
        const within = open[depth - 1]!
        if (next === closerOf(within)) {
          depth -= 1
          this.offset += 1
          continue
        }
        if (next !== comma) return `"," or "${String.fromCharCode(closerOf(within))}"`
        this.offset += 1
        missed = within === openBrace ? this.#key() : undefined
        if (missed !== undefined) return missed
        break
      }
    }
  }

  /** Reads a property's name and its colon. */
  #key(): string | undefined {
    if (this.#next() !== quote) return 'a property name in double quotes'
    const missed = this.#string()
    if (missed !== undefined) return missed
    if (this.#next() !== colon) return '":"'
    this.offset += 1
    return undefined
  }

  #scalar(first: number): string | undefined {
    if (first === quote) return this.#string()
    if (first === minus || isDigit(first)) return this.#number()
    const literal = literals.get(first)
    if (literal === undefined || !this.#text.startsWith(literal, this.offset)) return 'a value'
    this.offset += literal.length
    return undefined
  }

  #string(): string | undefined {
    const text = this.#text
    let at = this.offset + 1
    let code = text.charCodeAt(at)
    // RFC 8259, 7: all but the quote, the backslash and the C0 controls. The code at the end of the text is NaN.
    while (code >= SPACE && code !== quote) {
      const length = code === backslash ? escapeLength(text, at) : 1
      if (length === 0) break
      at += length
      code = text.charCodeAt(at)
    }
    this.offset = code === quote ? at + 1 : at
    if (code === backslash) return 'an escape such as \\n or \\u0041'
    return code === quote ? undefined : 'the end of a string'
  }

  /** Reads the longest number: in `01` that is `0`. */
  #number(): string | undefined {
    let at = this.offset
    if (this.#code(at) === minus) at += 1
    if (!isDigit(this.#code(at))) return 'a value'
    at = this.#code(at) === zero ? at + 1 : this.#digitsEnd(at)
    if (this.#code(at) === point && isDigit(this.#code(at + 1))) at = this.#digitsEnd(at + 1)
    if (this.#code(at) === lowerE || this.#code(at) === upperE) {
      const sign = this.#code(at + 1)
      const digits = sign === plus || sign === minus ? at + 2 : at + 1
      if (isDigit(this.#code(digits))) at = this.#digitsEnd(digits)
    }
    this.offset = at
    return undefined
  }

  #digitsEnd(from: number): number {
    let at = from
    while (isDigit(this.#code(at))) at += 1
    return at
  }

  /** Skips white space. @returns the code of the character after it; NaN at the end of the text */
  #next(): number {
    let code = this.#code(this.offset)
    while (code === SPACE || code === LF || code === CR || code === TAB) code = this.#code(++this.offset)
    return code
  }

  #code(at: number): number {
    return this.#text.charCodeAt(at)
  }
}

function closerOf(opener: number): number {
  return opener === openBrace ? closeBrace : closeBracket
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine
}

/** The length of the escape at a backslash; 0 if it is not valid. */
function escapeLength(text: string, at: number): number {
  const code = text.charCodeAt(at + 1)
  if (code !== lowerU) return '"\\/bfnrt'.includes(text.charAt(at + 1)) && !Number.isNaN(code) ? 2 : 0
  for (let digit = at + 2; digit < at + 6; digit += 1) if (!isHex(text.charCodeAt(digit))) return 0
  return 6
}

function isHex(code: number): boolean {
  const lower = code | 0x20
  return isDigit(code) || (lower >= 0x61 && lower <= 0x66)
}
