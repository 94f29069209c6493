/** The cases of docs/multipart-conformance.md. Bodies are bytes, one character each. */

export interface Case {
  readonly name: string
  /** `undefined` sends no Content-Type. */
  readonly contentType?: string | undefined
  readonly body: string
  /** Limits that every parser is given, in busboy's names. */
  readonly limits?: Readonly<Record<string, number>>
}

export interface Section {
  readonly title: string
  readonly text: string
  readonly cases: readonly Case[]
}

const field = 'Content-Disposition: form-data; name="a"'
const type = 'Content-Type: text/plain'
const file = `Content-Disposition: form-data; name="f"; filename="b.txt"\r\n${type}`
const header = 'multipart/form-data; boundary=X'

function utf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** A body of parts, with the boundary X. */
function parts(...list: readonly (readonly [header: string, content: string])[]): string {
  return `${list.map(([head, content]) => `--X\r\n${head}\r\n\r\n${content}\r\n`).join('')}--X--\r\n`
}

const plain = parts([field, '1'], [file, 'hello'])

/** A case with the boundary X in its header. */
function x(name: string, body: string, limits?: Case['limits']): Case {
  return { name, contentType: header, body, ...(limits && { limits }) }
}

/** A case of one part with this header, followed by a plain field that must not be lost. */
function one(name: string, head: string, content = '1'): Case {
  return x(name, parts([head, content], ['Content-Disposition: form-data; name="z"', '2']))
}

function under(name: string, contentType: string | undefined, body = plain): Case {
  return { name, contentType, body }
}

const named = (value: string): string => `Content-Disposition: form-data; name=${value}`
const filed = (value: string): string =>
  `Content-Disposition: form-data; name="f"; filename=${value}\r\n${type}`

export const sections: readonly Section[] = [
  {
    title: 'What clients get wrong',
    text: 'Common mistakes, most of them from a Content-Type that was set by hand.',
    cases: [
      x('nothing: a field and a file', plain),
      under('no boundary', 'multipart/form-data'),
      under('an empty boundary', 'multipart/form-data; boundary='),
      under('an empty boundary in quotes', 'multipart/form-data; boundary=""'),
      under('another boundary than the body has', 'multipart/form-data; boundary=Y'),
      under('the boundary in another case', 'multipart/form-data; boundary=x'),
      under('the boundary in single quotes', "multipart/form-data; boundary='X'"),
      x('delimiters without the leading dashes', plain.replaceAll('--X', 'X')),
      x('no closing delimiter', `--X\r\n${field}\r\n\r\n1\r\n--X\r\n${file}\r\n\r\nhello\r\n`),
      x('a file that is cut', `--X\r\n${field}\r\n\r\n1\r\n--X\r\n${file}\r\n\r\nhel`),
      x('a header that is cut', `--X\r\n${field}\r\n\r\n1\r\n--X\r\n${file}`),
      x('JSON under a multipart header', '{"a":1}'),
      x('a URL-encoded form under a multipart header', 'a=1&b=2'),
      under('a multipart body under a JSON header', 'application/json'),
      under('a multipart body under a URL-encoded header', 'application/x-www-form-urlencoded'),
      under('a multipart body without Content-Type', undefined),
      under('two boundaries that differ, the right one first', 'multipart/form-data; boundary=X; boundary=Y'),
      under('two boundaries that differ, the right one last', 'multipart/form-data; boundary=Y; boundary=X'),
      under('the same boundary twice', 'multipart/form-data; boundary=X; boundary=X'),
      x('LF line ends', plain.replaceAll('\r\n', '\n')),
      x('LF line ends in a header', plain.replace(`${field}\r\n\r\n`, `${field}\n\n`)),
      x('white space behind the delimiters', plain.replaceAll('--X\r\n', '--X \t\r\n')),
      x(
        'a part in the epilogue',
        `${parts([field, '1'])}${parts(['Content-Disposition: form-data; name="late"', '2'])}`,
      ),
      x('a part behind a form without parts', `--X--\r\n${parts([field, '1'])}`),
      x('something behind the first delimiter', plain.replace('--X', '--X junk')),
      x('an empty body', ''),
      x('no parts', '--X--\r\n'),
      one('a file without a name', `Content-Disposition: form-data; filename="b.txt"\r\n${type}`),
      one('a part without a name', 'Content-Disposition: form-data'),
      one('a part with an empty name', 'Content-Disposition: form-data; name=""'),
      under(
        'a boundary of 71 characters',
        `multipart/form-data; boundary=${'X'.repeat(71)}`,
        plain.replaceAll('--X', `--${'X'.repeat(71)}`),
      ),
      under(
        'a boundary of 201 characters',
        `multipart/form-data; boundary=${'X'.repeat(201)}`,
        plain.replaceAll('--X', `--${'X'.repeat(201)}`),
      ),
      under(
        'a boundary that ends in a space',
        'multipart/form-data; boundary="X "',
        plain.replaceAll('--X', '--X '),
      ),
      one('an unknown charset', `${field}\r\nContent-Type: text/plain; charset=bogus`),
      one('the charset utf-7', `${field}\r\nContent-Type: text/plain; charset=utf-7`),
    ],
  },
  {
    title: 'Framing',
    text: 'Where parts begin and end (RFC 2046, 5.1.1).',
    cases: [
      under('a boundary in quotes', 'multipart/form-data; boundary="X"'),
      under('BOUNDARY', 'Multipart/Form-Data; BOUNDARY=X'),
      under('white space around the parameter', 'multipart/form-data ; boundary = X ; charset=utf-8'),
      under(
        'special characters without quotes',
        'multipart/form-data; boundary=a:b/c?d=e',
        plain.replaceAll('--X', '--a:b/c?d=e'),
      ),
      x('a preamble', `This is a preamble.\r\n\r\n${plain}`),
      x('an empty line before the body', `\r\n${plain}`),
      x('something glued to the first delimiter', `junk${plain}`),
      x('an epilogue', `${plain}This is an epilogue.`),
      x('no line end behind the closing delimiter', plain.slice(0, -2)),
      x('something behind the closing delimiter', `${plain.slice(0, -2)}junk`),
      one('an empty value', field, ''),
      x('an empty part that shares the line end of its header', `--X\r\n${field}\r\n\r\n--X--\r\n`),
      one('content that ends in a line end', field, '1\r\n'),
      one('content with the start of a delimiter', field, '1\r\n--'),
      one('content with a longer boundary', field, '1\r\n--XY\r\n2'),
      one('content with the boundary and one dash', field, '1\r\n--X-\r\n2'),
      one('content with the boundary in mid-line', field, '1--X--2'),
      one('content with the boundary behind LF', field, '1\n--X\n2'),
      one('an empty header', ''),
      one('a header line without a colon', `${field}\r\nno colon`),
      one('a header line that begins with a space', `${field}\r\n folded`),
      one('a space before the colon', field.replace(':', ' :')),
      x(
        'a header without its empty line',
        `--X\r\n${field}\r\n--X\r\nContent-Disposition: form-data; name="z"\r\n\r\n2\r\n--X--\r\n`,
      ),
      one('two Content-Disposition lines', `${field}\r\n${named('"b"')}`),
      one('a header of 20 KB', `${field}\r\nX-Long: ${'x'.repeat(20_000)}`),
      one('2,100 header lines', `${field}\r\n${'X: y\r\n'.repeat(2100)}X: y`),
      x('a preamble of 100 KB', `${'p'.repeat(100_000)}\r\n${plain}`),
    ],
  },
  {
    title: 'Content-Disposition',
    text: 'Names and file names (RFC 7578, 4.2; RFC 6266; WHATWG HTML, 4.10.21.8).',
    cases: [
      one('no Content-Disposition', 'Content-Type: text/plain'),
      one('another disposition than form-data', 'Content-Disposition: attachment; name="a"'),
      one('a disposition that cannot be read', 'Content-Disposition: ;;;'),
      one('FORM-DATA', 'CONTENT-DISPOSITION: FORM-DATA; NAME="a"'),
      one('no quotes', named('a')),
      one('a semicolon at the end', filed('"b.txt";')),
      one('a semicolon in the name', named('"a;b"')),
      one('%22 in a name', named('"a%22b"')),
      one('an escaped quote in a name', named('"a\\"b"')),
      one('%22 in a file name', filed('"a%22b.txt"')),
      one('an escaped quote in a file name', filed('"a\\"b.txt"')),
      one('a quote that is not escaped', filed('"a"b.txt"')),
      one('a backslash in a file name', filed('"C:\\new\\b.txt"')),
      one('two backslashes in a file name', filed('"\\\\host\\b.txt"')),
      one('a backslash at the end of a file name', filed('"b\\"')),
      one('a UTF-8 file name', filed(utf8('"naïve 名前.txt"'))),
      one('a Latin-1 file name', filed('"caf\xe9.txt"')),
      one('a UTF-8 name', named(utf8('"名前"'))),
      one('a name without quotes that ends in the byte A0', named(utf8('voilà'))),
      one(
        'filename*',
        'Content-Disposition: form-data; name="f"; filename*=utf-8\'\'%e2%82%ac.txt\r\nContent-Type: text/plain',
      ),
      one(
        'filename and filename*',
        'Content-Disposition: form-data; name="f"; filename="x.txt"; filename*=utf-8\'\'%e2%82%ac.txt\r\nContent-Type: text/plain',
      ),
      one(
        'filename* and filename',
        'Content-Disposition: form-data; name="f"; filename*=utf-8\'\'%e2%82%ac.txt; filename="x.txt"\r\nContent-Type: text/plain',
      ),
      one(
        'a malformed filename*',
        'Content-Disposition: form-data; name="f"; filename*=b.txt\r\nContent-Type: text/plain',
      ),
      one(
        'a filename* in an unknown charset',
        'Content-Disposition: form-data; name="f"; filename*=bogus\'\'b.txt\r\nContent-Type: text/plain',
      ),
      one('two names', `${field}; name="b"`),
      one('two file names', filed('"b.txt"; filename="c.txt"')),
      one('folders in a file name', filed('"../../etc/passwd"')),
      one('the file name ..', filed('".."')),
      one('a NUL in a file name', filed('"a\0b.txt"')),
      one('a CR in a name', named('"a\rb"')),
      one('__proto__ as a name', named('"__proto__"')),
      one('toString as a name', named('"toString"')),
      x('a name twice', parts([field, '1'], [field, '2'])),
    ],
  },
  {
    title: 'Files, types and text',
    text: 'What counts as a file, and how types, charsets and encodings are handled.',
    cases: [
      one('no file chosen', filed('""'), ''),
      one(
        'no file chosen, as browsers send it',
        'Content-Disposition: form-data; name="f"; filename=""\r\nContent-Type: application/octet-stream',
        '',
      ),
      one('an empty file name and content', filed('""'), 'hello'),
      one('an empty file', file, ''),
      one(
        'application/octet-stream without a file name',
        `${field}\r\nContent-Type: application/octet-stream`,
      ),
      one('a file name without a type', 'Content-Disposition: form-data; name="f"; filename="b.txt"'),
      one('UTF-8 text', field, utf8('naïve 名前')),
      one('text that is not UTF-8', field, 'caf\xe9'),
      one('Latin-1 text that says so', `${field}\r\nContent-Type: text/plain; charset=iso-8859-1`, 'caf\xe9'),
      one('UTF-16 text that says so', `${field}\r\nContent-Type: text/plain; charset=utf-16le`, 'a\0b\0'),
      x('_charset_', parts([named('"_charset_"'), 'iso-8859-1'], [field, 'caf\xe9'])),
      one('Content-Transfer-Encoding: base64', `${field}\r\nContent-Transfer-Encoding: base64`, 'aGVsbG8='),
      one(
        'Content-Transfer-Encoding: base64 of a file',
        `${file}\r\nContent-Transfer-Encoding: base64`,
        'aGVsbG8=',
      ),
      one('a JSON part', `${field}\r\nContent-Type: application/json`, '{"b":[1]}'),
      one('a JSON part that is not JSON', `${field}\r\nContent-Type: application/json`, '{"b":'),
      one(
        'multipart/mixed in a part',
        `${field}\r\nContent-Type: multipart/mixed; boundary=Y`,
        `--Y\r\nContent-Disposition: file; filename="b.txt"\r\n\r\n1\r\n--Y--`,
      ),
    ],
  },
  {
    title: 'Limits',
    text: 'A limit of N should admit exactly N. If it does not admit a body, the answer should say so.',
    cases: [
      x('a file of exactly fileSize', parts([file, 'hello']), { fileSize: 5 }),
      x('a file of one byte more', parts([file, 'hello!']), { fileSize: 5 }),
      x('a field of exactly fieldSize', parts([field, 'hello']), { fieldSize: 5 }),
      x('a field of one byte more', parts([field, 'hello!']), { fieldSize: 5 }),
      x('as many fields as fields', parts([field, '1'], [field, '2']), { fields: 2 }),
      x('one field more', parts([field, '1'], [field, '2'], [field, '3']), { fields: 2 }),
      x('one file more than files', parts([file, '1'], [file, '2']), { files: 1 }),
      x('as many parts as parts', parts([field, '1'], [file, '2']), { parts: 2 }),
      x('one part more', parts([field, '1'], [file, '2'], [field, '3']), { parts: 2 }),
      x('a name longer than fieldNameSize', parts([named('"abcdef"'), '1']), { fieldNameSize: 5 }),
    ],
  },
]
