import { describe, expect, it } from 'vitest'
import { parseMediaType } from '../http/media-type.js'
import { BaseParser, type ParserLike } from './base-parser.js'
import { JSONParser } from './json-parser.js'
import { narrowParsers, registerParsers, selectParser, unsupportedMediaType } from './registry.js'

class AnyText extends BaseParser {
  readonly mediaType = 'text/*'
  parse(): string {
    return 'any text'
  }
}

class Csv extends BaseParser {
  readonly mediaType = 'text/csv'
  parse(): string {
    return 'csv'
  }
}

describe('a list of parsers', () => {
  it('takes classes and instances', () => {
    const instance = new Csv()
    const [json, csv] = registerParsers([JSONParser, instance])
    expect(json?.parser).toBeInstanceOf(JSONParser)
    expect(csv?.parser).toBe(instance)
  })

  it('is searched in order: the first match wins, however general it is', () => {
    const csv = parseMediaType('text/csv')!
    expect(selectParser(registerParsers([AnyText, Csv]), csv)?.parser).toBeInstanceOf(AnyText)
    expect(selectParser(registerParsers([Csv, AnyText]), csv)?.parser).toBeInstanceOf(Csv)
    expect(selectParser(registerParsers([JSONParser]), csv)).toBeUndefined()
  })

  it('knows which parsers take a whole body: not those that override parse() alone', () => {
    class Both extends AnyText {
      override parseBytes(): string {
        return 'any bytes'
      }
    }
    class Inheriting extends Both {}
    class Overriding extends Both {
      override parse(): string {
        return 'another text'
      }
    }
    class OverridingBoth extends Overriding {
      override parseBytes(): string {
        return 'other bytes'
      }
    }
    const patched = Object.assign(new Both(), { parse: () => 'patched' })
    const list = registerParsers([AnyText, Both, Inheriting, Overriding, OverridingBoth, patched, JSONParser])
    expect(list.map(({ acceptsBytes }) => acceptsBytes)).toEqual([
      false,
      true,
      true,
      false,
      true,
      false,
      true,
    ])
  })

  it('refuses a parser without parse() when it is defined', () => {
    class Unfinished {
      readonly mediaType = 'text/csv'
    }
    expect(() => registerParsers([Unfinished as unknown as ParserLike])).toThrow(
      'Unfinished: .parse() must be overridden.',
    )
  })

  it('refuses an invalid media type when it is defined', () => {
    class Nowhere extends BaseParser {
      readonly mediaType = 'csv'
      parse(): string {
        return ''
      }
    }
    expect(() => registerParsers([Nowhere])).toThrow(
      'Nowhere: .mediaType must be a media type such as "text/csv"',
    )
  })

  it('refuses values that are not lists or parsers', () => {
    expect(() => registerParsers(JSONParser as unknown as ParserLike[])).toThrow('A parser list is an array')
    expect(() => registerParsers([undefined as unknown as ParserLike])).toThrow(
      '.parse() must be overridden.',
    )
  })
})

describe('the refusal of a media type', () => {
  it('quotes the header and says what is accepted', () => {
    const error = unsupportedMediaType(registerParsers([JSONParser, Csv]), 'image/png')
    expect(error).toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      status: 415,
      detail: 'Unsupported media type "image/png" in request.',
      hint: 'This route takes application/json, text/csv.',
      headers: { Accept: 'application/json, text/csv' },
    })
  })

  it('has a code of its own where there is no header', () => {
    expect(unsupportedMediaType(registerParsers([Csv]), undefined).code).toBe('MISSING_CONTENT_TYPE')
    expect(unsupportedMediaType(registerParsers([Csv]), ' ').code).toBe('MISSING_CONTENT_TYPE')
  })
})

describe('narrowParsers', () => {
  const list = registerParsers([Csv, AnyText])
  const builtIn = registerParsers([JSONParser])
  const narrowed = (...types: string[]) =>
    narrowParsers(
      list,
      types.map((type) => parseMediaType(type)!),
      builtIn,
    ).map(({ parser, range }) => [parser.constructor.name, range.essence])

  it('gives a media type to the first parser that reads it, and to it alone', () => {
    expect(narrowed('text/csv', 'text/plain')).toEqual([
      ['Csv', 'text/csv'],
      ['AnyText', 'text/plain'],
    ])
  })

  it('asks the built-in parsers where the list has none', () => {
    expect(narrowed('application/json')).toEqual([['JSONParser', 'application/json']])
  })

  it('gives each parser its share of a range', () => {
    expect(narrowed('text/*')).toEqual([
      ['Csv', 'text/csv'],
      ['AnyText', 'text/*'],
    ])
    expect(narrowed('*/*')).toEqual([
      ['Csv', 'text/csv'],
      ['AnyText', 'text/*'],
      ['JSONParser', 'application/json'],
    ])
  })

  it('throws for a type that no parser reads', () => {
    expect(() => narrowed('image/*')).toThrow('No parser reads image/*')
  })
})
