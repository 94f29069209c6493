import { Buffer } from 'node:buffer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, field, file, form, multipartX, type Answer, type Cut } from './client.js'
import { frameworks, type App } from './frameworks.js'
import { inProcess, singleBytes } from './in-process.js'

const a1: readonly [string, string] = [field('a'), '1']
const plain = form('X', a1)
const dataA1 = { data: { a: '1' }, files: {} }
const clientAddsIt = 'Remove the Content-Type header that was set by hand'

interface Case {
  readonly is: string
  readonly type?: string | undefined
  readonly headers?: Record<string, string>
  readonly body: string | Buffer
  /** The answer to a body that is accepted. */
  readonly gives?: unknown
  /** The refusal: its code, and texts in its detail and hint. */
  readonly code?: string
  readonly status?: number
  readonly detail?: readonly string[]
  readonly hint?: readonly string[]
}

const mistakes: readonly Case[] = [
  {
    is: 'no boundary in the header, as when it is set by hand',
    type: 'multipart/form-data',
    body: form('abc123', a1),
    code: 'MISSING_BOUNDARY',
    hint: [clientAddsIt, 'python-requests', 'fetch', 'curl', 'The body seems to use the boundary "abc123".'],
  },
  {
    is: 'no boundary in the header, and a part that begins with its Content-Type',
    type: 'multipart/form-data',
    body: form('abc', [`Content-Type: text/plain\r\n${field('a')}`, '1']),
    code: 'MISSING_BOUNDARY',
    hint: ['The body seems to use the boundary "abc".'],
  },
  {
    is: 'no boundary in the header, and a JSON body',
    type: 'multipart/form-data; charset=utf-8',
    body: '{"a":1}',
    code: 'MISSING_BOUNDARY',
    hint: [clientAddsIt, 'application/json'],
  },
  {
    is: 'no boundary in the header, and a URL-encoded body',
    type: 'multipart/form-data',
    body: 'a=1&b=2',
    code: 'MISSING_BOUNDARY',
    hint: [clientAddsIt, 'application/x-www-form-urlencoded'],
  },
  ...['boundary=', 'boundary=""', 'boundary', 'boundary= ; x=y'].map((parameter) => ({
    is: `an empty boundary: ${parameter}`,
    type: `multipart/form-data; ${parameter}`,
    body: plain,
    code: 'INVALID_BOUNDARY',
    detail: ['empty'],
  })),
  {
    is: 'a boundary that ends in a space',
    type: 'multipart/form-data; boundary="X "',
    body: plain,
    code: 'INVALID_BOUNDARY',
    detail: ['ends in a space'],
  },
  {
    is: 'a boundary of 201 characters',
    type: `multipart/form-data; boundary=${'b'.repeat(201)}`,
    body: form('b'.repeat(201), a1),
    code: 'INVALID_BOUNDARY',
    detail: ['201', '200'],
  },
  {
    is: 'a boundary of 200 characters',
    type: `multipart/form-data; boundary=${'b'.repeat(200)}`,
    body: form('b'.repeat(200), a1),
    gives: dataA1,
  },
  {
    is: 'a boundary other than the one in the header',
    type: multipartX,
    body: form('Yy', a1),
    code: 'BOUNDARY_MISMATCH',
    detail: ['"X"', '"Yy"'],
  },
  {
    is: 'a boundary other than the one in the header, longer by one character',
    type: multipartX,
    body: form('X1', a1),
    code: 'BOUNDARY_MISMATCH',
    detail: ['"X"', '"X1"'],
  },
  {
    is: 'another boundary, above a part that begins with its Content-Type',
    type: multipartX,
    body: form('Yy', [`Content-Type: text/plain\r\n${field('a')}`, '1']),
    code: 'BOUNDARY_MISMATCH',
    detail: ['"X"', '"Yy"'],
  },
  {
    is: 'another boundary, in a form without parts',
    type: multipartX,
    body: '--Yy--\r\n',
    code: 'BOUNDARY_MISMATCH',
    detail: ['"X"', '"Yy"'],
  },
  {
    is: 'another boundary, after a preamble',
    type: multipartX,
    body: `This is a message.\r\n${form('Yy', a1)}`,
    code: 'BOUNDARY_MISMATCH',
    detail: ['"X"', '"Yy"'],
  },
  {
    is: 'another boundary, cut short',
    type: multipartX,
    body: '--Yy\r\nContent-Dispo',
    code: 'BOUNDARY_MISMATCH',
    detail: ['"X"', '"Yy"'],
  },
  {
    is: 'a boundary in another case',
    type: 'multipart/form-data; boundary=abc',
    body: form('ABC', a1),
    code: 'BOUNDARY_MISMATCH',
    detail: ['"abc"', '"ABC"'],
    hint: ['case-sensitive'],
  },
  {
    is: 'a boundary in single quotes',
    type: "multipart/form-data; boundary='X'",
    body: plain,
    code: 'BOUNDARY_MISMATCH',
    detail: [`"'X'"`, '"X"'],
    hint: ['Single quotes'],
  },
  {
    is: 'delimiter lines without the leading dashes and no closing one',
    type: multipartX,
    body: `X\r\n${field('a')}\r\n\r\n1\r\nX\r\n${field('b')}\r\n\r\n2\r\n`,
    code: 'BOUNDARY_MISMATCH',
    hint: ['A delimiter is "--" and the boundary', '"--X"', '"--X--"'],
  },
  {
    is: 'delimiter lines without the leading dashes, closed with dashes',
    type: 'multipart/form-data; boundary=----WebKit',
    body: `----WebKit\r\n${field('a')}\r\n\r\n1\r\n----WebKit--\r\n`,
    code: 'BOUNDARY_MISMATCH',
    hint: ['"------WebKit"'],
  },
  ...[
    ['no closing delimiter', plain.slice(0, -'--X--\r\n'.length)],
    ['a body cut in the closing delimiter', plain.slice(0, -'-\r\n'.length)],
    ['a body cut before the dashes of the closing delimiter', plain.slice(0, -'--\r\n'.length)],
    ['a body cut in its content', plain.slice(0, -'\r\n--X--\r\n'.length)],
    ['a body cut in a header', `--X\r\n${field('a').slice(0, 20)}`],
    ['a body cut after a header', `--X\r\n${field('a')}\r\n\r\n`],
    ['a body cut after its first delimiter', '--X\r\n'],
    ['a body cut in its first delimiter', '--'],
    ['a file cut in its content', form('X', [file('f', 'a.txt'), 'abc']).slice(0, -12)],
  ].map(([is = '', body = '']) => ({
    is,
    type: multipartX,
    body,
    code: 'TRUNCATED_BODY',
    detail: ['"--X--"'],
    hint: ['Check that the body was sent whole'],
  })),
  ...(
    [
      ['no CRLF before the closing delimiter', 'DATA--X--\r\n', 'no CRLF before it'],
      ['a CR alone before the closing delimiter', 'DATA\r--X--\r\n', 'no CRLF before it'],
      ['an LF before the closing delimiter', 'DATA\n--X--\r\n', '"--X--" after LF alone'],
      ['an LF before the closing delimiter and an epilogue', 'DATA\n--X--\r\nend', '"--X--" after LF alone'],
      ['a closing delimiter with another boundary', 'DATA\r\n--Y--\r\n', 'another boundary than "X"'],
      [
        'a closing delimiter with the boundary in another case',
        'DATA\r\n--x--\r\n',
        'another boundary than "X"',
      ],
      [
        'a closing delimiter without its first dashes',
        'DATA\r\nX--\r\n',
        '"X--", without the two dashes that begin',
      ],
      [
        'a closing delimiter with one first dash',
        'DATA\r\n-X--\r\n',
        '"-X--", without the two dashes that begin',
      ],
      [
        'a closing delimiter with a space before its dashes',
        'DATA\r\n--X --\r\n',
        'white space before the last',
      ],
      [
        'a closing delimiter without its last dashes',
        'DATA\r\n--X\r\n',
        '"--X", without the two dashes of a closing',
      ],
    ] as const
  ).map(([is, end, cause]) => ({
    is,
    type: multipartX,
    body: `--X\r\n${file('f', 'a.png')}\r\n\r\n${end}`,
    code: 'TRUNCATED_BODY',
    detail: ['"--X--"'],
    hint: [cause, String.raw`"\r\n--X--\r\n"`],
  })),
  ...[
    ['\n--X\r\n', 'before a delimiter'],
    ['\n--X \t\r\n', 'before a delimiter with white space after it'],
    ['\n--X\n', 'before and after a delimiter'],
    ['\n\n--X\r\n', 'twice before a delimiter'],
    ['\r\n\n--X\r\n', 'after a CRLF and before a delimiter'],
  ].map(([delimiter, is]) => ({
    is: `an LF alone ${is}, so that one part would swallow the next`,
    type: multipartX,
    body: `--X\r\n${file('f', 'f')}\r\n\r\nDATA${delimiter}${field('a')}\r\n\r\n1\r\n--X--\r\n`,
    code: 'LF_LINE_ENDINGS',
    detail: ['LF', 'where CRLF is required.'],
    hint: ['CRLF'],
  })),
  {
    is: 'an LF alone before a closing delimiter, and another one',
    type: multipartX,
    body: `--X\r\n${field('a')}\r\n\r\n1\n--X--\r\n--X--\r\n`,
    code: 'LF_LINE_ENDINGS',
    detail: ['The delimiter "--X" follows LF where CRLF is required.'],
  },
  {
    is: 'a delimiter twice in a row',
    type: multipartX,
    body: `--X\r\n--X\r\n${field('a')}\r\n\r\n1\r\n--X--\r\n`,
    code: 'MALFORMED_PART',
    detail: ['Part 1', 'its delimiter "--X" is followed by another one'],
    hint: ['Write one delimiter before each part'],
  },
  {
    is: 'a delimiter before the closing one',
    type: multipartX,
    body: `--X\r\n${field('a')}\r\n\r\n1\r\n--X\r\n--X--\r\n`,
    code: 'MALFORMED_PART',
    detail: ['Part 2', 'its delimiter "--X" is followed by another one'],
    hint: ['the closing one after the last part'],
  },
  {
    is: 'text that is not UTF-8',
    type: multipartX,
    body: Buffer.from(form('X', a1, [field('b'), 'caf\xe9']), 'latin1'),
    code: 'INVALID_CHARSET',
    detail: ['The value of the field "b" is not valid utf-8.'],
    hint: ['declare its charset'],
  },
  {
    is: 'text that is not in the charset that its part declares',
    type: multipartX,
    body: Buffer.from(
      form('X', [`${field('b')}\r\nContent-Type: text/plain; charset=shift_jis`, '\xff']),
      'latin1',
    ),
    code: 'INVALID_CHARSET',
    detail: ['The value of the field "b" is not valid shift_jis.'],
  },
  ...['{"a":1}', '[1]', ' \n{"a":1}'].map((body) => ({
    is: `${JSON.stringify(body)} under a multipart header`,
    type: multipartX,
    body,
    code: 'NOT_MULTIPART',
    detail: ['looks like JSON'],
    hint: ['application/json'],
  })),
  {
    is: 'a URL-encoded body under a multipart header',
    type: multipartX,
    body: 'a=1&b=2',
    code: 'NOT_MULTIPART',
    detail: ['URL-encoded'],
    hint: ['application/x-www-form-urlencoded'],
  },
  {
    is: 'an HTML page under a multipart header',
    type: multipartX,
    body: '<html></html>',
    code: 'NOT_MULTIPART',
  },
  {
    is: 'a multipart body under a JSON header',
    type: 'application/json',
    body: plain,
    code: 'MALFORMED_JSON',
    hint: ['The body looks like multipart/form-data', clientAddsIt],
  },
  {
    is: 'a multipart body under a URL-encoded header',
    type: 'application/x-www-form-urlencoded',
    body: plain,
    code: 'MALFORMED_FORM',
    hint: ['The body looks like multipart/form-data', clientAddsIt],
  },
  {
    is: 'no Content-Type and a multipart body',
    type: undefined,
    body: plain,
    status: 415,
    code: 'MISSING_CONTENT_TYPE',
    hint: ['let the HTTP client set it'],
  },
  {
    is: 'two boundaries that differ',
    type: 'multipart/form-data; boundary=X; boundary=Y',
    body: plain,
    code: 'DUPLICATE_BOUNDARY',
    detail: ['"X"', '"Y"'],
  },
  {
    is: 'two boundaries that do not differ',
    type: 'multipart/form-data; boundary=X; BOUNDARY="X"',
    body: plain,
    gives: dataA1,
  },
  ...[
    ['everywhere', plain.replaceAll('\r\n', '\n')],
    ['after the first delimiter', plain.replace('--X\r\n', '--X\n')],
    ['after a header line', form('X', [`${field('a')}\nContent-Type: text/plain`, '1'])],
    ['between header and content', plain.replace('\r\n\r\n1', '\n\n1')],
    ['after a preamble', `preamble\n${plain.replaceAll('\r\n', '\n')}`],
    ['in a header that never ends', `--X\r\n${field('a')}\n\n1\n--X--\n`],
  ].map(([is = '', body = '']) => ({
    is: `LF line ends ${is}`,
    type: multipartX,
    body,
    code: 'LF_LINE_ENDINGS',
    hint: ['CRLF'],
  })),
  ...[' ', '\t', ' \t  '].map((padding) => ({
    is: `${JSON.stringify(padding)} after each delimiter`,
    type: multipartX,
    body: `--X${padding}\r\n${field('a')}\r\n\r\n1\r\n--X--${padding}\r\n`,
    gives: dataA1,
  })),
  {
    is: 'a part after the closing delimiter',
    type: multipartX,
    body: plain + form('X', [field('b'), '2'], [file('f', 'f'), 'f']),
    gives: dataA1,
  },
  { is: 'junk after the closing delimiter', type: multipartX, body: `${plain}junk\r\n--X`, gives: dataA1 },
  {
    is: 'junk right after the closing delimiter',
    type: multipartX,
    body: `${plain.trimEnd()}junk`,
    gives: dataA1,
  },
  { is: 'no CRLF after the closing delimiter', type: multipartX, body: plain.trimEnd(), gives: dataA1 },
  { is: 'a preamble', type: multipartX, body: `This is a message.\r\n\r\n${plain}`, gives: dataA1 },
  { is: 'a preamble of one CRLF', type: multipartX, body: `\r\n${plain}`, gives: dataA1 },
  { is: 'no bytes and a boundary', type: multipartX, body: '', gives: { data: {}, files: {} } },
  ...[
    ['Content-Disposition: form-data', 'without parameters'],
    ['Content-Disposition: form-data; name=""', 'with an empty name'],
    ['Content-Disposition: form-data; filename="a.txt"', 'with a filename only'],
    ['Content-Disposition: form-data;', 'with a semicolon only'],
  ].map(([header = '', is]) => ({
    is: `a part ${is}`,
    type: multipartX,
    body: form('X', a1, [header, '1']),
    code: 'MISSING_PART_NAME',
    detail: ['Part 2'],
    hint: ['name='],
  })),
  ...[
    [`name*=utf-8''b`, 'name*'],
    [`name=b; name*=utf-8''b`, 'name*'],
    ['name*0=b; name*1=c', 'name*0'],
    ['name=b; filename*0="c."; filename*1="txt"', 'filename*0'],
    [`name=b; filename*0*=utf-8''c`, 'filename*0*'],
  ].map(([parameters = '', parameter = '']) => ({
    is: `a part with ${parameters}`,
    type: multipartX,
    body: form('X', a1, [`Content-Disposition: form-data; ${parameters}`, '1']),
    code: 'MALFORMED_PART',
    detail: ['Part 2', `its "${parameter}" is not supported`],
  })),
  ...['bogus', 'utf-7', '""'].map((charset) => ({
    is: `a part in the unknown charset ${charset}`,
    type: multipartX,
    body: form('X', a1, [`${field('b')}\r\nContent-Type: text/plain; charset=${charset}`, '2']),
    code: 'INVALID_CHARSET',
    detail: ['Part 2', `"${charset.replaceAll('"', '')}"`],
  })),
]

const shown = (name: string, more: object = {}): object => ({
  data: { f: { field: 'f', name, type: 'text/plain', size: 1, ...more } },
  files: { f: [{ field: 'f', name, type: 'text/plain', size: 1, ...more }] },
})
const named = (disposition: string): string =>
  form('X', [`Content-Disposition: form-data; ${disposition}\r\nContent-Type: text/plain`, 'x'])

const rules: readonly Case[] = [
  ...[
    ['boundary=X', 'bare'],
    ['BOUNDARY=X', 'in capitals'],
    ['boundary="X"', 'quoted'],
    ['charset=utf-8; boundary=X', 'after another parameter'],
    ['boundary=X;', 'before a semicolon'],
    ['boundary="X"; charset="a;b"', 'before a quoted semicolon'],
    ['boundary = X', 'with spaces around its equals sign'],
  ].map(([parameter, is]) => ({
    is: `a boundary ${is}`,
    type: `multipart/form-data; ${parameter}`,
    body: plain,
    gives: dataA1,
  })),
  ...['a:b', 'a/b', 'a b', "'()+_,-./:=?", '==X==', '----WebKitFormBoundaryX', '-', '--', "a'b"].map(
    (boundary) => ({
      is: `a boundary with special characters: ${boundary}`,
      type: `multipart/form-data; boundary=${boundary}`,
      body: form(boundary, a1),
      gives: dataA1,
    }),
  ),
  {
    is: 'a type in capitals',
    type: 'Multipart/Form-Data; boundary=X',
    body: plain,
    gives: dataA1,
  },
  ...[
    '--X',
    '--Xy\r\n',
    '\r--X',
    '\n--Xy\r\n',
    '\n--X\r \r\n',
    '\n--',
    'x--X--\r\n',
    '\r\n-X',
    '\r\n--',
    '\r\n--Xjunk\r\n',
    '\r\n--X-',
    '\r\n--X \r \n',
    '\r\r\n--XX',
    '\r\n\r\n\r\n',
  ].map((content) => ({
    is: `${JSON.stringify(content)}, which is content, not a delimiter`,
    type: multipartX,
    body: form('X', [field('a'), `${content}.`], [file('f', 'f'), `${content}.`]),
    gives: {
      data: {
        a: `${content}.`,
        f: { field: 'f', name: 'f', type: 'text/plain', size: content.length + 1 },
      },
      files: { f: [{ field: 'f', name: 'f', type: 'text/plain', size: content.length + 1 }] },
    },
  })),
  {
    is: 'parts of no bytes',
    type: multipartX,
    body: form('X', [field('a'), ''], [field('b'), '']),
    gives: { data: { a: '', b: '' }, files: {} },
  },
  {
    is: 'a part of no bytes whose delimiter directly follows its header',
    type: multipartX,
    body: `--X\r\n${field('a')}\r\n\r\n--X\r\n${field('b')}\r\n\r\n2\r\n--X--\r\n`,
    gives: { data: { a: '', b: '2' }, files: {} },
  },
  {
    is: 'a filename, which makes a part a file even when it declares JSON',
    type: multipartX,
    body: form('X', [file('f', 'a.json', 'application/json'), '{}']),
    gives: {
      data: { f: { field: 'f', name: 'a.json', type: 'application/json', size: 2 } },
      files: { f: [{ field: 'f', name: 'a.json', type: 'application/json', size: 2 }] },
    },
  },
  ...['application/octet-stream', 'image/jpeg', 'image/svg+xml', 'application/pdf', 'video/mp4'].map(
    (type) => ({
      is: `the type ${type} and no filename, which is a file`,
      type: multipartX,
      body: Buffer.from(form('X', [`${field('f')}\r\nContent-Type: ${type}`, '\xff\xd8\xff']), 'latin1'),
      gives: shown('blob', { originalName: '', type, size: 3 }),
    }),
  ),
  ...[
    'text/html',
    'text/x-c; charset=utf-8',
    'application/xml',
    'application/vnd.api+json',
    'nonsense',
    '',
  ].map((type) => ({
    is: `the type ${JSON.stringify(type)} and no filename, which is text`,
    type: multipartX,
    body: form('X', [`${field('a')}\r\nContent-Type: ${type}`, '1']),
    gives: dataA1,
  })),
  ...(
    [
      ['multipart/form-data; boundary=X; charset=windows-1251', '\xcf\xf0\xe8\xe2\xe5\xf2'],
      ['multipart/form-data; charset="Windows-1251"; boundary=X', '\xcf\xf0\xe8\xe2\xe5\xf2'],
      ['multipart/form-data; boundary=X; charset=utf-8', Buffer.from('Привет').toString('latin1')],
      ['multipart/form-data; boundary=X; charset=unknown', Buffer.from('Привет').toString('latin1')],
    ] as const
  ).map(([type, bytes]) => ({
    is: `text in the charset of the form: ${type}`,
    type,
    body: Buffer.from(form('X', [field('t'), bytes]), 'latin1'),
    gives: { data: { t: 'Привет' }, files: {} },
  })),
  {
    is: 'a charset, from which parts with a charset of their own and JSON are excepted',
    type: 'multipart/form-data; boundary=X; charset=windows-1251',
    body: Buffer.from(
      form(
        'X',
        [field('\xcf'), '\xcf'],
        [`${field('b')}\r\nContent-Type: text/plain; charset=iso-8859-1`, '\xcf'],
        [`${field('c')}\r\nContent-Type: application/json`, Buffer.from('"Ï"').toString('latin1')],
      ),
      'latin1',
    ),
    gives: { data: { П: 'П', b: 'Ï', c: 'Ï' }, files: {} },
  },
  ...['text/plain', 'application/octet-stream', 'image/png'].map((type) => ({
    is: `an empty filename of type ${type} without content, which is not a file`,
    type: multipartX,
    body: form('X', [file('f', '', type), ''], a1),
    gives: dataA1,
  })),
  {
    is: 'an empty filename with content',
    type: multipartX,
    body: form('X', [file('f', ''), 'x']),
    code: 'MALFORMED_PART',
    detail: ['Part 1'],
  },
  ...(
    [
      [`name="f"; filename="b"; filename*=UTF-8''%e2%82%ac`, '€'],
      [`name="f"; filename*=UTF-8''a%20b; filename="c"`, 'a b'],
      [`name="f"; filename*=utf-8'en'x`, 'x'],
      [`name="f"; filename*=utf-8''it's`, "it's"],
      [`name="f"; filename="a;b"; filename*=utf-8''a;b`, 'a;b'],
      [`name="f"; filename="b"; filename*=bogus''x`, 'b'],
      [`name="f"; filename*=iso-8859-1''%e9`, 'é'],
      [`name="f"; filename="a%22b"`, 'a"b', { originalName: undefined }],
      [`name="f"; filename="a%0D%0Ab"`, 'ab', { originalName: 'a\r\nb' }],
      [`name="f"; filename="a%20b%2F"`, 'a%20b%2F'],
      [`name="f"; filename="a%0d"`, 'a%0d'],
      [`name="f"; filename="a\\"b"`, 'a"b'],
      [`name="f"; filename="a\\"`, undefined],
      [`name="f"; filename="C:\\x\\a.txt"`, 'a.txt', { originalName: 'C:\\x\\a.txt' }],
      [`name="f"; filename="../../a.txt"`, 'a.txt', { originalName: '../../a.txt' }],
      [`name="f"; filename="日本語 \u{1F600}.txt"`, '日本語 \u{1F600}.txt'],
      [`name="f"; filename=a.txt`, 'a.txt'],
      [`name=f; filename=a.txt`, 'a.txt'],
      [`name="f"; filename="a;b.txt"`, 'a;b.txt'],
      [`name="f"; filename="a.txt";`, 'a.txt'],
      [`name="f"; filename="a.txt" ; `, 'a.txt'],
      [`filename="a.txt"; name="f"`, 'a.txt'],
      [`NAME="f"; FILENAME="a.txt"`, 'a.txt'],
      [`name="f";filename="a.txt"`, 'a.txt'],
      [`name="f"; filename="a\0\x07\x7fb"`, 'ab', { originalName: 'a\0\x07\x7fb' }],
      [`name="f"; filename="&lt;a&gt;"`, '&lt;a&gt;'],
      [
        `name="f"; filename="${'n'.repeat(300)}.txt"`,
        `${'n'.repeat(251)}.txt`,
        { originalName: `${'n'.repeat(300)}.txt` },
      ],
    ] as const
  )
    .filter(([, name]) => name !== undefined)
    .map(([disposition, name, more]) => ({
      is: `Content-Disposition: form-data; ${disposition}`.slice(0, 120),
      type: multipartX,
      body: named(disposition),
      gives: shown(name!, JSON.parse(JSON.stringify(more ?? {}))),
    })),
  ...(
    [
      [`name="f"; filename="a"b"`, 'quote'],
      [`name="f"; filename="a`, 'closing quote'],
      [`name="f"; filename*=a`, 'filename*'],
      [`name="f"; filename*=utf-8''%zz`, 'filename*'],
      [`name="f"; filename*=utf-8''%FF`, 'filename*'],
      [`name="f"; name="g"`, 'two "name"'],
      [`name="f"; filename="a"; filename="b"`, 'two "filename"'],
      [`name="f"; filename=".."`, '".."'],
      [`name="f"; filename="a/"`, '"a/"'],
    ] as const
  ).map(([disposition, reason]) => ({
    is: `Content-Disposition: form-data; ${disposition}`,
    type: multipartX,
    body: form('X', a1, [`Content-Disposition: form-data; ${disposition}`, 'x']),
    code: 'MALFORMED_PART',
    detail: ['Part 2', reason],
  })),
  {
    is: 'a filename* in an unknown charset',
    type: multipartX,
    body: named(`name="f"; filename*=bogus''x`),
    code: 'INVALID_CHARSET',
    detail: ['Part 1', '"bogus"'],
  },
  {
    is: 'a name that ends in a literal backslash',
    type: multipartX,
    body: form('X', ['Content-Disposition: form-data; name="a\\"', '1']),
    gives: { data: { 'a\\': '1' }, files: {} },
  },
  {
    is: 'the escapes of browsers in a name',
    type: multipartX,
    body: form('X', [field('a%22%0D%0Ab%20'), '1']),
    gives: { data: { 'a"\r\nb%20': '1' }, files: {} },
  },
  ...(
    [
      ['', 'its header is empty'],
      ['Content-Type: text/plain', 'no Content-Disposition'],
      ['Content-Disposition: attachment; name="a"', 'not form-data'],
      ['Content-Disposition: ; name="a"', 'no type'],
      [`${field('a')}\r\nno colon`, 'no colon'],
      [`${field('a')}\r\n: x`, 'a name in its header'],
      [`${field('a')}\r\nBad Name: x`, 'a name in its header'],
      [`${field('a')}\r\n Content-Type: text/plain`, 'white space'],
      [` ${field('a')}`, 'white space'],
      [`${field('a')}\r\nX-A: a\rb`, 'CR without LF'],
      [`${field('a')}\r\n${field('b')}`, 'two content-disposition'],
    ] as const
  ).map(([header, reason]) => ({
    is: `the header ${JSON.stringify(header)}`,
    type: multipartX,
    body: form('X', a1, [header, '1']).replace('--X\r\n\r\n\r\n', '--X\r\n\r\n'),
    code: 'MALFORMED_PART',
    detail: ['Part 2', reason],
  })),
  {
    is: 'fields in charsets of their own',
    type: multipartX,
    body: Buffer.concat([
      Buffer.from(`--X\r\n${field('a')}\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n`),
      Buffer.from([0xe9]),
      Buffer.from(`\r\n--X\r\n${field('b')}\r\nContent-Type: text/plain;charset="UTF-8"\r\n\r\né\r\n`),
      Buffer.from(`--X\r\n${field('c')}\r\nContent-Type: text/plain; charset=utf-16le\r\n\r\n`),
      Buffer.from('é', 'utf16le'),
      Buffer.from('\r\n--X--\r\n'),
    ]),
    gives: { data: { a: 'é', b: 'é', c: 'é' }, files: {} },
  },
  ...['base64', 'quoted-printable', '8bit'].map((encoding) => ({
    is: `Content-Transfer-Encoding: ${encoding}, which is not decoded`,
    type: multipartX,
    body: form('X', [`${field('a')}\r\nContent-Transfer-Encoding: ${encoding}`, 'YQ==']),
    gives: { data: { a: 'YQ==' }, files: {} },
  })),
  {
    is: 'names that objects inherit',
    type: multipartX,
    body: form(
      'X',
      ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__proto__'].map(
        (name) => [field(name), name] as const,
      ),
      [file('__proto__', 'f'), 'x'],
    ),
    gives: JSON.parse(
      `{"data":{"__proto__":["__proto__","__proto__",{"field":"__proto__","name":"f","type":"text/plain","size":1}],
        "constructor":"constructor","toString":"toString","hasOwnProperty":"hasOwnProperty"},
        "files":{"__proto__":[{"field":"__proto__","name":"f","type":"text/plain","size":1}]}}`,
    ),
  },
]

const apps: App[] = []
const read = inProcess({})

beforeAll(async () => {
  for (const { start } of frameworks) apps.push(await start({ mount: {}, routes: [{ path: '/' }] }))
})
afterAll(() => Promise.all(apps.map((app) => app.close())))

function expectOutcome(
  { gives, code, status = 400, detail = [], hint = [] }: Case,
  { status: seen, json }: Pick<Answer, 'status' | 'json'>,
): void {
  if (code === undefined) {
    expect({ status: seen, json }).toEqual({ status: 200, json: gives })
    return
  }
  expect({ status: seen, json }).toMatchObject({ status, json: { status, code } })
  for (const part of detail) expect(json.detail).toContain(part)
  for (const part of hint) expect(json.hint).toContain(part)
}

async function onAll({ type, body, headers = {} }: Case, cut: Cut): Promise<Answer[]> {
  const framing = cut === 'whole' ? 'length' : 'chunked'
  return Promise.all(apps.map((app) => exchange(app.port, { type, body, headers, framing }, cut)))
}

describe.each([
  { title: 'a client that sends', cases: mistakes },
  { title: 'a form with', cases: rules },
])('$title', ({ cases }) => {
  test.each(cases)('$is', async (each) => {
    const whole = await onAll(each, 'whole')
    for (const answer of whole) expectOutcome(each, answer)
    const [{ body: first } = { body: '' }, ...others] = whole
    for (const other of others) expect(other.body).toBe(first)
    if (each.code !== undefined) {
      for (const { headers } of whole) expect(headers['content-type']).toBe('application/problem+json')
    }

    const body = Buffer.from(each.body as string)
    const type = each.type === undefined ? undefined : { 'content-type': each.type }
    const cut = await read({ 'transfer-encoding': 'chunked', ...type }, singleBytes(body))
    expect(cut.json).toEqual(JSON.parse(first))
    if (body.length > 1000) return
    for (const answer of await onAll(each, 'byte by byte')) {
      expect(answer.body).toBe(first)
    }
  })
})
