/** Where a text stops being JSON: the runtime's own messages differ between versions and often name no place. */

/** A fault in a JSON text. */
export interface JsonFault {
  readonly reason: string
  /** Characters before it. */
  readonly offset: number
}

const whitespace = /[ \t\n\r]*/y
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const literal = /true|false|null/y
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
// RFC 8259, 7: everything but the quote, the backslash and the C0 controls.
const unescaped = /[^"\\\p{Cc}]+|[\u007f-\u009f]+/uy

/**
 * Finds the first fault by the grammar of RFC 8259.
 *
 * @returns `undefined` where the text is JSON
 */
export function findJsonFault(text: string): JsonFault | undefined {
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

  scan(): JsonFault | undefined {
    const open: ('{' | '[')[] = []
    for (;;) {
      // A value is due.
      this.#skip(whitespace)
      const opener = this.#peek()
      if (opener === '{' || opener === '[') {
        this.#at += 1
        this.#skip(whitespace)
        if (this.#peek() === closerOf(opener)) {
          this.#at += 1
        } else {
          open.push(opener)
          if (opener === '{' && !this.#key()) return this.#fault()
          continue
        }
      } else if (!this.#scalar()) {
        return this.#fault()
      }
      // A value is complete: close what it closes, then go on to the next one.
      for (;;) {
        this.#skip(whitespace)
        const within = open.at(-1)
        if (within === undefined) return this.#at === this.#text.length ? undefined : this.#fault('the end')
        if (this.#peek() === closerOf(within)) {
          open.pop()
          this.#at += 1
          continue
        }
        if (this.#peek() !== ',') return this.#fault(`"," or "${closerOf(within)}"`)
        this.#at += 1
        if (within === '{' && !this.#key()) return this.#fault()
        break
      }
    }
  }

  /** A property's name and its colon. */
  #key(): boolean {
    this.#skip(whitespace)
    if (this.#peek() !== '"') return this.#miss('a property name in double quotes')
    if (!this.#string()) return false
    this.#skip(whitespace)
    if (this.#peek() !== ':') return this.#miss('":"')
    this.#at += 1
    return true
  }

  #scalar(): boolean {
    if (this.#peek() === '"') return this.#string()
    return this.#skip(literal) || this.#skip(number) || this.#miss('a value')
  }

  #string(): boolean {
    this.#at += 1
    while (this.#skip(unescaped) || this.#skip(escape));
    if (this.#peek() === '\\') return this.#miss('an escape such as \\n or \\u0041')
    if (this.#peek() !== '"') return this.#miss('the end of a string')
    this.#at += 1
    return true
  }

  #peek(): string | undefined {
    return this.#text[this.#at]
  }

  /** Moves behind a match; says whether there was one. */
  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) return false
    const moved = pattern.lastIndex > this.#at
    this.#at = pattern.lastIndex
    return moved
  }

  /** Notes what should stand here. */
  #miss(expected: string): false {
    this.#expected = expected
    return false
  }

  #fault(expected: string = this.#expected): JsonFault {
    const found = this.#peek()
    const seen = found === undefined ? 'the end of the body' : JSON.stringify(found)
    return { reason: `expected ${expected} but found ${seen}`, offset: this.#at }
  }
}

function closerOf(opener: '{' | '['): '}' | ']' {
  return opener === '{' ? '}' : ']'
}
