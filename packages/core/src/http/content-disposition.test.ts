import { expect, test } from 'vitest'
import { DispositionFault, parseContentDisposition } from './content-disposition.js'

/** A header as Node hands it over: one character for each byte of UTF-8. */
function wire(header: string): string {
  return Buffer.from(header).toString('latin1')
}

function faultOf(header: string): DispositionFault {
  try {
    parseContentDisposition(wire(header))
  } catch (error) {
    if (error instanceof DispositionFault) return error
    throw error
  }
  throw new Error(`${header} was read without a fault.`)
}

const read: readonly [header: string, name: string | undefined, filename: string | undefined, why: string][] =
  [
    ['form-data; name="a"', 'a', undefined, 'a field'],
    ['form-data; name="a"; filename="b.txt"', 'a', 'b.txt', 'a file'],
    ['form-data; filename="b.txt"; name="a"', 'a', 'b.txt', 'in any order'],
    ['form-data; name=a; filename=b.txt', 'a', 'b.txt', 'without quotes'],
    ['form-data;name=a;filename=b.txt', 'a', 'b.txt', 'without spaces'],
    ['form-data ;\tname = "a" ; filename\t=\tb.txt ', 'a', 'b.txt', 'with white space everywhere'],
    ['FORM-DATA; NAME="a"; FileName="b.txt"', 'a', 'b.txt', 'in any case'],
    ['form-data; name="a"; filename="b.txt";', 'a', 'b.txt', 'a semicolon at the end changes nothing'],
    ['form-data;; ; name="a";', 'a', undefined, 'nor do empty parameters'],
    ['form-data; name=""', '', undefined, 'an empty name'],
    ['form-data; name=', '', undefined, 'an empty name without quotes'],
    ['form-data; name="a"; filename=""', 'a', '', 'an empty file name is not a missing one'],
    ['form-data', undefined, undefined, 'no parameters at all'],
    ['form-data; name="a;b=c"', 'a;b=c', undefined, 'a semicolon in quotes is an ordinary character'],
    ['form-data; name=a b', 'a b', undefined, 'a space inside a value without quotes'],
    ['form-data; name="a\\"b"', 'a"b', undefined, 'an escaped quote'],
    [
      'form-data; name="a"; filename="C:\\temp\\b.txt"',
      'a',
      'C:\\temp\\b.txt',
      'backslashes as browsers send them',
    ],
    ['form-data; name="a"; filename="\\\\host\\b"', 'a', '\\\\host\\b', 'two backslashes stay two'],
    ['form-data; name="a"; filename="b\\"', 'a', 'b\\', 'a backslash at the end of a name'],
    ['form-data; filename="b\\"; name="a"', 'a', 'b\\', 'a backslash at the end of a name in the middle'],
    ['form-data; name="a"; filename="x\\"y\\"', 'a', 'x"y\\', 'an escaped quote and a backslash at the end'],
    ['form-data; name="a%22b%0D%0Ac"', 'a"b\r\nc', undefined, 'what browsers escape in names'],
    ['form-data; name="a"; filename="%22%0D%0A"', 'a', '"\r\n', 'and in file names'],
    [
      'form-data; name="%0a%0d%20%25"',
      '%0a%0d%20%25',
      undefined,
      'every other percent sign stands for itself',
    ],
    ['form-data; name="%2522"', '%2522', undefined, 'nothing is decoded twice'],
    ['form-data; name="naïve 名前 😀"', 'naïve 名前 😀', undefined, 'UTF-8'],
    ['form-data; name=voilà', 'voilà', undefined, 'a last byte A0, which trim() takes for a space'],
    ['form-data; name="a"; filename=voilà', 'a', 'voilà', 'the same in a file name'],
    ["form-data; name=a; filename*=utf-8''%e2%82%ac.txt", 'a', '€.txt', 'an extended file name'],
    ["form-data; name=a; filename*=UTF-8'en'%E2%82%AC.txt", 'a', '€.txt', 'with a language, in upper case'],
    ["form-data; name=a; filename*=iso-8859-1''%E9.txt", 'a', 'é.txt', 'in another charset'],
    [`form-data; name=a; filename="x"; filename*=utf-8''y`, 'a', 'y', 'the extended one wins'],
    [`form-data; name=a; filename*=utf-8''y; filename="x"`, 'a', 'y', 'also where it comes first'],
    [`form-data; name=a; filename*="utf-8''y"`, 'a', 'y', 'in quotes, as some clients send it'],
    [`form-data; name=a; filename*="UTF-8''IMG%2012.jpg"`, 'a', 'IMG 12.jpg', 'in quotes, with a space'],
    ["form-data; name=a; filename*=utf-8''it's.jpg", 'a', "it's.jpg", 'the first two quotes end the charset'],
    [
      `form-data; name="a"; filename="it's.jpg"; filename*=utf-8''it's.jpg`,
      'a',
      "it's.jpg",
      'the file name of React Native 0.74 to 0.76, with a single quote',
    ],
    ...[
      'a;b.jpg',
      'a;b=c.jpg',
      'a;name="x";b',
      '12" vinyl.jpg',
      "l'été 😀.jpg",
      '50%.jpg',
      'x"; filename="y.jpg',
      `a"; filename*=utf-8''b`,
    ].map((filename): [string, string, string, string] => [
      `form-data; name="a"; filename="${filename}"; filename*=utf-8''${encodeURI(filename)}`,
      'a',
      filename,
      'the file name of React Native 0.74 to 0.76, which escapes neither form',
    ]),
    ...['b.txt', "utf-8''%zz", "utf-8''%ff", "bogus''b", "''b", "'b", ''].map(
      (unreadable): [string, string, string, string] => [
        `form-data; name=a; filename="ä.txt"; filename*=${unreadable}`,
        'a',
        'ä.txt',
        'an extended file name that cannot be read beside one that can',
      ],
    ),
    [
      'form-data; name="__proto__"; filename="constructor"',
      '__proto__',
      'constructor',
      'names of prototypes',
    ],
    ['form-data; name="a"; x="1"; y=2; z*=3', 'a', undefined, 'other parameters do not count'],
  ]

test.each(read)('%j has the name %j and the file name %j: %s', (header, name, filename) => {
  expect(parseContentDisposition(wire(header))).toEqual({ type: 'form-data', name, filename })
})

test('name* is refused only in a form', () => {
  const { name, filename } = parseContentDisposition("attachment; name*=utf-8''x; filename=b")
  expect([name, filename]).toEqual([undefined, 'b'])
})

test('a name that is not UTF-8 is read as windows-1252, with its euro sign', () => {
  expect(parseContentDisposition('form-data; name="caf\xe9"').name).toBe('café')
  expect(parseContentDisposition('form-data; name="5 \x80"').name).toBe('5 €')
  expect(parseContentDisposition("form-data; name=a; filename*=windows-1252''5%80").filename).toBe('5€')
})

test('a name that is not UTF-8 is read in the charset of the form', () => {
  const { name, filename } = parseContentDisposition(
    'form-data; name="\xcf\xf0"; filename="\xe8.txt"',
    'windows-1251',
  )
  expect([name, filename]).toEqual(['Пр', 'и.txt'])
  expect(parseContentDisposition(wire('form-data; name="ä"'), 'windows-1251').name).toBe('ä')
  expect(parseContentDisposition('form-data; name="\xe9\xff"', 'shift_jis').name).toBe('éÿ')
})

test('two file names of which the second is written twice are refused', () => {
  expect(faultOf(`form-data; name=a; filename="x"; filename="y"; filename*=utf-8''y`).message).toMatch(
    /two "filename" parameters/,
  )
})

test('the type is returned in lower case', () => {
  expect(parseContentDisposition('Attachment; filename=b').type).toBe('attachment')
})

const refused: readonly [header: string, reason: RegExp][] = [
  ['', /no type/],
  ['; name="a"', /no type/],
  ['form data; name="a"', /no type/],
  ['"form-data"; name="a"', /no type/],
  ['form-data; name="a"; name="b"', /two "name" parameters/],
  ['form-data; name="a"; NAME="a"', /two "name" parameters/],
  ['form-data; name="a"; filename="b"; filename="c"', /two "filename" parameters/],
  ['form-data; name="a', /"name" has no closing quote/],
  ['form-data; name=a"', /"name" has no closing quote/],
  ['form-data; name="a"b"', /"name" has a quote that is not escaped/],
  ['form-data; name="a"; filename="a"b.txt"', /"filename" has a quote that is not escaped/],
  ['form-data; name="a" x', /cannot be read/],
  ['form-data; name', /cannot be read/],
  ['form-data; ="a"', /cannot be read/],
  ['form-data; name="a"; filename*=b.txt', /"filename\*" is not in the form/],
  ["form-data; name=a; filename*=utf-8''%zz", /"filename\*" is not in the form/],
  ["form-data; name=a; filename*=utf-8''a%2", /"filename\*" is not in the form/],
  ["form-data; name=a; filename*=utf-8''%ff", /"filename\*" is not valid utf-8/],
  ["form-data; name=a; filename*=utf-8''b; filename*=utf-8''b", /two "filename\*" parameters/],
  [`form-data; name*=utf-8''%E2%82%AC`, /"name\*" is not supported: send the whole value in UTF-8 as name="/],
  [`form-data; name=a; NAME*=utf-8''a`, /"name\*" is not supported/],
  ['form-data; name*0=a; name*1=b', /"name\*0" is not supported/],
  [
    'form-data; name=a; filename*0="b"; filename*1=".txt"',
    /"filename\*0" is not supported: .* as filename="/,
  ],
  ["form-data; name=a; filename*0*=utf-8''b", /"filename\*0\*" is not supported/],
  ['attachment; filename*0="b"; filename*1=".txt"', /"filename\*0" is not supported/],
]

test.each(refused)('%j is refused: %s', (header, reason) => {
  expect(faultOf(header).message).toMatch(reason)
})

test.each([
  ["form-data; name=a; filename*=bogus''x", 'bogus'],
  ["form-data; name=a; filename*=''x", ''],
  ["form-data; name=a; filename*=utf-7''x", 'utf-7'],
])('%j names an unknown charset', (header, charset) => {
  expect(faultOf(header).charset).toBe(charset)
})

const size = 16 * 1024
const hostile: readonly [why: string, header: string][] = [
  ['spaces before a quote that does not close', `form-data; name=${' '.repeat(size)}"`],
  ['spaces behind a value and before such a quote', `form-data; name=a${' '.repeat(size)}"`],
  [
    'spaces around everything',
    `form-data${' \t'.repeat(size / 4)};${' '.repeat(size / 4)}name=${' '.repeat(size / 4)}"`,
  ],
  ['spaces behind a closed quote', `form-data; name="a"${' '.repeat(size)}x`],
  ['escaped quotes without end', `form-data; name="${'\\"'.repeat(size / 2)}x`],
  ['escaped quotes with spaces', `form-data; name="${'\\"   '.repeat(size / 5)}x`],
  ['escaped quotes that could each be the end', `form-data; name="${'\\";'.repeat(size / 3)}x`],
  ['semicolons', `form-data${';'.repeat(size)}"`],
  ['a name without end', `form-data; ${'n'.repeat(size)}"`],
  ['percent signs', `form-data; filename*=utf-8''${'%41'.repeat(size / 3)}%`],
  ['the starts of file names', `form-data; x="${`; filename="a"; filename*=utf-8''`.repeat(size / 32)}`],
]

test.each(hostile)('a header of 16 KiB is parsed in linear time: %s', (_why, header) => {
  const start = process.cpuUsage()
  expect(() => parseContentDisposition(header)).toThrow(DispositionFault)
  const { user, system } = process.cpuUsage(start)
  expect((user + system) / 1000).toBeLessThan(50)
})
