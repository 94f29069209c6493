/** The files that accept() and sniff() admit. */
import { describe, expect, it } from 'vitest'
import { accept } from '../../packages/core/src/checks/accept.js'
import { detectedTypes, sniff } from '../../packages/core/src/checks/sniff.js'
import { file } from './form.js'
import { minis, zods } from './zods.js'

const png = Buffer.from(
  '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154',
  'hex',
)
const jpeg = Buffer.concat([
  Buffer.from('ffd8ffe000104a46494600010100000100010000ffdb0043', 'hex'),
  Buffer.alloc(64, 1),
])
const gif = Buffer.concat([Buffer.from('GIF89a'), Buffer.alloc(64)])
const pdf = Buffer.from('%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n')
const exe = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(128)])
const zip = Buffer.concat([Buffer.from('504b0304140000000800', 'hex'), Buffer.alloc(4 * 1024, 1)])
const noise = Buffer.from(Array.from({ length: 512 }, (_, at) => (at * 7919 + 13) % 256))

describe.each([...zods, ...minis])('%s', (_, z) => {
  describe('accept', () => {
    it.each([
      ['a range', accept('image/*'), file('a.png', png, 'image/png'), true],
      ['another range', accept('image/*'), file('a.pdf', pdf, 'application/pdf'), false],
      ['an exact type', accept('image/png'), file('a.png', png, 'image/png'), true],
      ['a type that begins like another', accept('image/svg'), file('a', '', 'image/svg+xml'), false],
      ['any type', accept('*/*'), file('a', '', 'x/y'), true],
      ['an ending', accept('.PDF'), file('Scan.pdf', pdf, 'application/octet-stream'), true],
      ['another ending', accept('.pdf'), file('a.pdf.exe', pdf, 'application/pdf'), false],
      ['one of several', accept('image/*', '.pdf'), file('a.pdf', pdf, ''), true],
      ['no type at all', accept('image/*'), file('a.png', png, ''), false],
    ])('%s', async (_, check, value, taken) => {
      const result = await z.file().check(check).safeParseAsync(value)
      expect(result.success).toBe(taken)
      if (!taken) expect(result.error!.issues).toMatchObject([{ code: 'custom', path: [] }])
    })

    it('names the accepted types in its message', () => {
      const result = z
        .file()
        .check(accept('image/*', '.pdf'))
        .safeParse(file('a.txt', 'x', 'text/plain'))
      expect(result.error!.issues[0]!.message).toBe('Invalid file type: expected image/* or .pdf')
    })

    it('accepts native files, as in a browser', () => {
      expect(
        z
          .file()
          .check(accept('image/*'))
          .safeParse(new File([], 'a.png', { type: 'image/png' })).success,
      ).toBe(true)
    })

    it('does not run for a value that is not a file', () => {
      const result = z.file().check(accept('image/*')).safeParse('x')
      expect(result.error!.issues).toMatchObject([{ code: 'invalid_type' }])
    })
  })

  describe('sniff', () => {
    it.each([
      ['a png that is one', png, 'image/png', true, 'image/png'],
      ['a jpeg that says png', jpeg, 'image/png', false, 'image/jpeg'],
      ['a jpeg by its other name', jpeg, 'image/jpg', true, 'image/jpeg'],
      ['a program that says png', exe, 'image/png', false, 'application/x-msdownload'],
      [
        'a program that declares an unknown format',
        exe,
        'application/x-mine',
        false,
        'application/x-msdownload',
      ],
      ['noise that says png', noise, 'image/png', false, undefined],
      ['noise of an unknown format', noise, 'application/x-mine', true, undefined],
      ['noise that says it is text', noise, 'text/plain', false, undefined],
      ['nothing that says png', Buffer.alloc(0), 'image/png', false, undefined],
      ['a pdf that is one', pdf, 'application/pdf', true, 'application/pdf'],
      ['a pdf that says it is text', pdf, 'text/plain', false, 'application/pdf'],
      ['html that says png', '<!doctype html><script>', 'image/png', false, 'text/html'],
      ['html that says pdf', '<html></html>', 'application/pdf', false, 'text/html'],
      ['html that says html', '<!doctype html><p>x', 'text/html', true, 'text/html'],
      ['html that says json', '<!doctype html><p>x', 'application/json', false, 'text/html'],
      ['json', ' {"a":1}', 'application/json', true, 'application/json'],
      ['a dialect of json', '[1]', 'application/geo+json', true, 'application/geo+json'],
      ['a svg', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml', true, 'image/svg+xml'],
      [
        'a svg with a prolog',
        '<?xml version="1.0"?>\n<!-- x -->\n<svg/>',
        'image/svg+xml',
        true,
        'image/svg+xml',
      ],
      [
        'a svg that says png',
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        'image/png',
        false,
        'image/svg+xml',
      ],
      ['a text that says svg', 'hello', 'image/svg+xml', false, 'text/plain'],
      ['xml', '<?xml version="1.0"?><a/>', 'text/xml', true, 'text/xml'],
      ['a table', 'a,b\n1,2\n', 'text/csv', true, 'text/csv'],
      ['a table that begins like a bitmap', 'BMW,1\nAudi,2\n', 'text/csv', true, 'text/csv'],
      ['a table in windows-1252', Buffer.from('Stra\u00dfe;1', 'latin1'), 'text/csv', true, 'text/csv'],
      ['a table in utf-16', Buffer.from('\ufeffa;b', 'utf16le'), 'text/csv', true, 'text/csv'],
      ['a text', 'hello', 'text/plain', true, 'text/plain'],
      ['a text with parameters', 'hello', 'text/plain; charset=utf-8', true, 'text/plain'],
      ['an empty text', '', 'text/plain', true, 'text/plain'],
      ['an archive', zip, 'application/x-zip-compressed', true, 'application/zip'],
      [
        'a document that is an archive inside',
        zip,
        'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
        true,
        'application/zip',
      ],
      ['an archive that says png', zip, 'image/png', false, 'application/zip'],
      ['a gif that claims nothing', gif, 'application/octet-stream', true, 'image/gif'],
    ])('%s', async (_, content, type, taken, detected) => {
      const value = file('a', content, type)
      const result = await z.file().check(sniff()).safeParseAsync(value)
      expect(result.success).toBe(taken)
      expect(detectedTypes.get(value)).toBe(detected)
    })

    it('reads at most 4 KiB', async () => {
      const value = file('a.png', Buffer.concat([png, Buffer.alloc(1_000_000)]), 'image/png')
      let read = 0
      const slice = value.slice.bind(value)
      value.slice = (start = 0, end = value.size) => {
        read += end - start
        return slice(start, end)
      }
      expect((await z.file().check(sniff()).safeParseAsync(value)).success).toBe(true)
      expect(read).toBe(4096)
    })

    it('runs with other checks, whose issues are all reported', async () => {
      const schema = z.file().check(accept('image/*'), sniff())
      const result = await schema.safeParseAsync(file('a.pdf', png, 'application/pdf'))
      expect(result.error!.issues.map(({ code }) => code)).toEqual(['custom', 'custom'])
    })
  })
})

it('accept() throws for anything but a media type or a file extension', () => {
  for (const wrong of ['image', 'image/', '', 'png', 'image/png; q=1', '.']) {
    expect(() => accept(wrong as '.x')).toThrow(TypeError)
  }
})
