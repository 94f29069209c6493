/** Where a text stops being JSON: the runtime's own messages differ between versions and often name no place. */

/** A fault in a JSON text. */
export interface JsonError {
  readonly reason: string
  /** Characters before it. */
  readonly offset: number
}

/*
 * Codes of characters. The scanner compares these and uses no pattern: a body can be a million tokens long, and starting a
 * pattern takes longer than reading a token.
 */
const [TAB, LF, CR, SPACE] = [9, 10, 13, 32]
const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]
const [plus, minus, point, zero, nine] = [0x2b, 0x2d, 0x2e, 0x30, 0x39]
const [lowerE, upperE, lowerU] = [0x65, 0x45, 0x75]
const literals: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((each) => [each.charCodeAt(0), each]),
)

/**
 * Finds the first fault by the grammar of RFC 8259.
 *
 * @returns `undefined` where the text is JSON
 */
export function findJsonError(text: string): JsonError | undefined {
  return new JsonScanner(text).scan()
}

/** Walks a text with a stack of its own, so that no depth can overflow the call stack. */
class JsonScanner {
  readonly #text: string
  #at = 0
  #expected = 'a value'

  constructor(text: string) {
    this.#text = text
  }

  scan(): JsonError | undefined {
    const open = new ByteStack()
    for (;;) {
      // A value is due.
      this.#skipSpace()
      const opener = this.#peek()
      if (opener === openBrace || opener === openBracket) {
        this.#at += 1
        this.#skipSpace()
        if (this.#peek() !== closerOf(opener)) {
          open.push(opener)
          if (opener === openBrace && !this.#key()) return this.#fault()
          continue
        }
        this.#at += 1
      } else if (!this.#scalar(opener)) {
        return this.#fault()
      }
      // A value is complete: close what it closes, then go on to the next one.
      for (;;) {
        this.#skipSpace()
        const within = open.top
        if (within === undefined) return this.#at === this.#text.length ? undefined : this.#fault('the end')
        const found = this.#peek()
        if (found === closerOf(within)) {
          open.pop()
          this.#at += 1
          continue
        }
        if (found !== comma) return this.#fault(`"," or "${String.fromCharCode(closerOf(within))}"`)
        this.#at += 1
        if (within === openBrace && !this.#key()) return this.#fault()
        break
      }
    }
  }

  /** A property's name and its colon. */
  #key(): boolean {
    this.#skipSpace()
    if (this.#peek() !== quote) return this.#miss('a property name in double quotes')
    if (!this.#string()) return false
    this.#skipSpace()
    if (this.#peek() !== colon) return this.#miss('":"')
    this.#at += 1
    return true
  }

  #scalar(first: number): boolean {
    if (first === quote) return this.#string()
    if (first === minus || isDigit(first)) return this.#number()
    const literal = literals.get(first)
    if (literal === undefined || !this.#text.startsWith(literal, this.#at)) return this.#miss('a value')
    this.#at += literal.length
    return true
  }

  #string(): boolean {
    const text = this.#text
    let at = this.#at + 1
    let code = text.charCodeAt(at)
    // RFC 8259, 7: everything but the quote, the backslash and the C0 controls. NaN is the end.
    while (code >= SPACE && code !== quote) {
      if (code === backslash) {
        const length = escapeLength(text, at)
        if (length === 0) break
        at += length
      } else {
        at += 1
      }
      code = text.charCodeAt(at)
    }
    this.#at = at
    if (code === backslash) return this.#miss('an escape such as \\n or \\u0041')
    if (code !== quote) return this.#miss('the end of a string')
    this.#at += 1
    return true
  }

  /** As much as is a number. `01` is the number `0` with something behind it. */
  #number(): boolean {
    let at = this.#at
    if (this.#code(at) === minus) at += 1
    if (!isDigit(this.#code(at))) return this.#miss('a value')
    at = this.#code(at) === zero ? at + 1 : this.#digitsEnd(at)
    if (this.#code(at) === point && isDigit(this.#code(at + 1))) at = this.#digitsEnd(at + 1)
    if (this.#code(at) === lowerE || this.#code(at) === upperE) {
      const sign = this.#code(at + 1)
      const digits = sign === plus || sign === minus ? at + 2 : at + 1
      if (isDigit(this.#code(digits))) at = this.#digitsEnd(digits)
    }
    this.#at = at
    return true
  }

  #digitsEnd(from: number): number {
    let at = from
    while (isDigit(this.#code(at))) at += 1
    return at
  }

  #skipSpace(): void {
    let code = this.#peek()
    while (code === SPACE || code === LF || code === CR || code === TAB) {
      this.#at += 1
      code = this.#peek()
    }
  }

  /** The code of the next character; NaN at the end of the text. */
  #peek(): number {
    return this.#text.charCodeAt(this.#at)
  }

  #code(at: number): number {
    return this.#text.charCodeAt(at)
  }

  /** Notes what should be here. */
  #miss(expected: string): false {
    this.#expected = expected
    return false
  }

  #fault(expected: string = this.#expected): JsonError {
    const found = this.#text[this.#at]
    const seen = found === undefined ? 'the end of the body' : JSON.stringify(found)
    return { reason: `expected ${expected} but found ${seen}`, offset: this.#at }
  }
}

function closerOf(opener: number): number {
  return opener === openBrace ? closeBrace : closeBracket
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine
}

/** The length of the escape that begins with the backslash at a place; 0 if it is none. */
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

/** A stack of bytes: a body of a million brackets must not cost eight bytes for each. */
class ByteStack {
  #bytes = new Uint8Array(64)
  #size = 0

  /** The byte that was pushed last. */
  get top(): number | undefined {
    return this.#size === 0 ? undefined : this.#bytes[this.#size - 1]
  }

  push(byte: number): void {
    if (this.#size === this.#bytes.length) {
      const larger = new Uint8Array(this.#size * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#size++] = byte
  }

  pop(): void {
    this.#size -= 1
  }
}
