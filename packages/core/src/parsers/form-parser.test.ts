import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../limits.js'
import { parseMediaType } from '../media-type.js'
import type { ParserContext } from './base-parser.js'
import { FormParser } from './form-parser.js'

const context = { limits: defaultLimits } as ParserContext

const read = async (
  parser: FormParser,
  body: string,
  header = 'application/x-www-form-urlencoded',
): Promise<unknown> =>
  (await parser.parse(Readable.from([Buffer.from(body)]), parseMediaType(header)!, context)).data

describe('a URL-encoded form', () => {
  it('is in the charset of its header, else in UTF-8', async () => {
    expect(await read(new FormParser(), 'a=%C3%BC')).toEqual({ a: 'ü' })
    const header = 'application/x-www-form-urlencoded; charset=windows-1252'
    expect(await read(new FormParser(), 'a=%FC', header)).toEqual({ a: 'ü' })
  })

  it('is in the charset that its field _charset_ names, if the parser is told to look', async () => {
    const body = 'a=%FC&_charset_=windows-1252'
    expect(await read(new FormParser(), body)).toEqual({ a: '\uFFFD', _charset_: 'windows-1252' })
    expect(await read(new FormParser({ charsetField: true }), body)).toEqual({
      a: 'ü',
      _charset_: 'windows-1252',
    })
    expect(await read(new FormParser({ charsetField: true }), 'a=%C3%BC&_charset_=bogus')).toMatchObject({
      a: 'ü',
    })
  })
})
