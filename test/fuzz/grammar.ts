/** Builds valid and invalid multipart bodies. In all texts one character is one byte. */
import type { Random } from './random.js'

/** One request. */
export interface Specimen {
  readonly contentType: string
  readonly body: Buffer
}

const alphanumeric = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/** The bytes of a text in UTF-8, as characters. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}

export function buildSpecimen(random: Random): Specimen {
  const boundary = random.chance(0.7) ? ordinaryBoundary(random) : oddBoundary(random)
  const body = random.chance(0.02) ? otherBody(random) : multipartBody(random, boundary)
  return { contentType: contentType(random, boundary), body: Buffer.from(body, 'latin1') }
}

/** undici accepts 27 to 70 letters, digits, dashes, underscores and single quotes, and nothing else. */
function ordinaryBoundary(random: Random): string {
  return random.pick([
    () => `----WebKitFormBoundary${random.text(alphanumeric, 16)}`,
    () => `----formdata-undici-${random.text('0123456789', 12)}`,
    () => `${'-'.repeat(24)}${random.text('0123456789abcdef', 16)}`,
    () => random.text(`${alphanumeric}-_'`, 27 + random.below(44)),
    () => '-'.repeat(27 + random.below(4)),
    () => `--${random.text('-ab', 28)}--`,
  ])()
}

function oddBoundary(random: Random): string {
  return random.pick([
    () => random.text('Xab-', 1 + random.below(3)),
    () => random.pick(['-', '--', 'X', 'a-', '-a']),
    () => random.text(`${alphanumeric}'()+_,-./:=?`, 1 + random.below(70)),
    () => `a ${random.text("b (')", 4)}b`,
    () => random.text(alphanumeric, random.pick([199, 200, 201])),
    () => random.text('"\\;b', 4),
    () => utf8(random.pick(['grenze-ü', 'voilà'])),
    () => `trailing${random.pick([' ', '\t', '  '])}`,
  ])()
}

function contentType(random: Random, boundary: string): string {
  const quoted = `"${boundary.replace(/["\\]/g, '\\$&')}"`
  const bare = /["\\;\s]|^$/.test(boundary) ? quoted : boundary
  if (random.chance(0.85)) return `multipart/form-data; boundary=${random.chance(0.7) ? bare : quoted}`
  return random.pick([
    () => `Multipart/Form-Data;BOUNDARY=${quoted}`,
    () => `multipart/form-data; charset=utf-8; boundary=${bare}`,
    () => `multipart/form-data; boundary=${bare}; charset=utf-8;`,
    () => `multipart/form-data ; boundary = ${quoted} ;`,
    () => `multipart/form-data; boundary=${bare}; boundary=${bare}`,
    () => `multipart/form-data; boundary=${bare}; boundary=other`,
    () => `multipart/form-data; boundary=other; boundary=${bare}`,
    () => `multipart/form-data; boundary='${boundary}'`,
    () => `multipart/form-data; boundary=${bare.toUpperCase()}`,
    () => `multipart/form-data; boundary=${bare.slice(random.below(bare.length))}`,
    () => `multipart/form-data; boundary=--${bare}`,
    () => 'multipart/form-data',
    () => 'multipart/form-data; boundary=',
    () => 'multipart/form-data; boundary=""',
    () => 'multipart/form-data; boundary=wrong',
  ])()
}

function otherBody(random: Random): string {
  return random.pick(['', '{"a":1}', 'a=1&b=2', '\r\n', '--', 'hello', '<xml/>', '\0\0\0', '[', '-----\r\n'])
}

function multipartBody(random: Random, boundary: string): string {
  const delimiter = `--${boundary}`
  const count = random.chance(0.02) ? random.below(40) : random.below(5)
  let body = preamble(random, delimiter)
  for (let index = 0; index < count; index += 1) {
    if (index > 0) body += '\r\n'
    body += `${delimiter}${padding(random)}\r\n${part(random, delimiter)}`
    if (random.chance(0.01)) body += `\r\n${delimiter}--`
  }
  if (count > 0) body += '\r\n'
  if (random.chance(0.97)) body += `${delimiter}--${epilogue(random, delimiter)}`
  return body
}

function preamble(random: Random, delimiter: string): string {
  if (random.chance(0.85)) return ''
  return random.pick([
    '\r\n',
    'preamble\r\n',
    'This is a multi-part message.\r\nIt has lines.\r\n\r\n',
    `x${delimiter}\r\n`,
    `${delimiter}x\r\n`,
    `${delimiter} x\r\n`,
    `${delimiter}-\r\n`,
    `${delimiter.slice(0, -1)}\r\n`,
    `${delimiter.slice(2)}\r\n`,
    `${delimiter}\r`,
    '\n',
    '\r',
    'glued',
    `${delimiter}\n`,
  ])
}

function padding(random: Random): string {
  return random.chance(0.93)
    ? ''
    : random.pick([' ', '\t', ' \t \t', ' '.repeat(200), '\r', ' x', '-', 'x', ' --'])
}

function epilogue(random: Random, delimiter: string): string {
  if (random.chance(0.6)) return '\r\n'
  return random.pick([
    '',
    '\n',
    '\r',
    ' \t\r\n',
    '--',
    'junk',
    '\r\nepilogue',
    `\r\n${delimiter}\r\nContent-Disposition: form-data; name="late"\r\n\r\nlate\r\n${delimiter}--\r\n`,
    `\r\n${delimiter}`,
    `\r\n${delimiter}\r\n`,
    `\r\n${delimiter}--\r\n`,
  ])
}

function part(random: Random, delimiter: string): string {
  const lines = headerLines(random)
  if (random.chance(0.01)) return `\r\n${content(random, delimiter)}`
  if (random.chance(0.01)) return lines.join('\r\n')
  // The empty part that shares the CRLF of its header with the delimiter behind it (RFC 2046, 5.1.1).
  if (random.chance(0.02)) return `${lines.join('\r\n')}\r\n`
  return `${lines.join('\r\n')}\r\n\r\n${content(random, delimiter)}`
}

function headerLines(random: Random): string[] {
  const lines: string[] = []
  if (random.chance(0.98)) lines.push(`${headerName(random, 'Content-Disposition')}${disposition(random)}`)
  if (random.chance(0.4)) lines.push(`${headerName(random, 'Content-Type')}${random.pick(partTypes)}`)
  if (random.chance(0.1)) lines.push(random.pick(otherHeaders))
  if (random.chance(0.01)) lines.push(random.pick(brokenHeaders))
  if (random.chance(0.3)) lines.reverse()
  return lines
}

function headerName(random: Random, name: string): string {
  if (random.chance(0.9)) return `${name}: `
  return random.pick([`${name}:`, `${name.toLowerCase()}: `, `${name.toUpperCase()}:  \t`, `${name} : `])
}

const partTypes = [
  'text/plain',
  'image/png',
  'application/pdf',
  'text/plain',
  'text/plain; charset=utf-8',
  'text/plain; charset="UTF-8"',
  'text/plain;charset=iso-8859-1',
  'text/plain; charset=utf-16le',
  'text/plain; charset=bogus',
  'text/plain; charset=utf-7',
  'text/html',
  'image/png',
  'application/octet-stream',
  'application/json',
  'application/vnd.api+json; charset=utf-8',
  'application/x-www-form-urlencoded',
  'multipart/mixed; boundary=inner',
  'nonsense',
  '',
]

const otherHeaders = [
  'Content-Transfer-Encoding: base64',
  'Content-Transfer-Encoding: binary',
  'Content-Transfer-Encoding: quoted-printable',
  'Content-Length: 5',
  'X-Custom: value',
  'X-Empty:',
  'MIME-Version: 1.0',
]

const brokenHeaders = [
  ' folded',
  '\tfolded',
  'no colon',
  ': no name',
  'a b: c',
  'X-Control: \x01',
  'X-Nul: \0',
  'X-Cr: a\rb',
  'X-Lf: a\nb',
  'Content-Disposition: form-data; name="second"',
  'Content-Type: text/second',
  utf8('X-Ü: ü'),
  utf8('X-U: ü'),
]

const names = [
  'title',
  'a',
  'b',
  'name',
  'x[y]',
  'a b',
  'a;b',
  'a=b',
  '_charset_',
  '__proto__',
  'constructor',
  'toString',
  '%41',
  '%zz',
  '%0a%22',
  "it's",
  utf8('ü'),
  utf8('名前'),
  utf8('😀'),
  utf8('voilà'),
  'caf\xe9',
]

const filenames = [
  'a.txt',
  'b.tar.gz',
  'a b.txt',
  '../../etc/passwd',
  'C:\\Users\\me\\cv.pdf',
  '\\\\host\\share\\x',
  'CON',
  'a;b.txt',
  '%22%0D%0A.txt',
  '%2e%2e%2f',
  utf8('ü.txt'),
  utf8('名前.txt'),
  utf8('bidi\u202egnp.exe'),
  'latin1-\xe9.txt',
  'trailing.',
  ' padded ',
  '\0nul',
  'a'.repeat(300),
]

const escapes: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A'),
  (text) => text.replaceAll('"', '\\"'),
  (text) => text.replace(/["\\]/g, '\\$&'),
]

function quotedValue(random: Random, value: string): string {
  let text = value
  if (random.chance(0.05)) text += random.pick(['"', '\\', '\\\\', '\\"', '"x', '\r', '\n', '%22', '"; x="y'])
  return `"${random.pick(escapes)(text)}"`
}

function value(random: Random, list: readonly string[]): string {
  const text = random.chance(0.02) ? random.pick(['', ' ', '.', '..']) : random.pick(list)
  if (random.chance(0.04) && text !== '') return text
  return quotedValue(random, text)
}

const extendedValues = [
  "utf-8''%e2%82%ac.txt",
  "UTF-8'en'a.txt",
  "utf-8''plain",
  "iso-8859-1''%E9",
  "utf-8''%ff",
  "utf-8''%zz",
  "bogus''x",
  "''x",
  'plain',
  '"utf-8\'\'quoted"',
  '',
]

function disposition(random: Random): string {
  const parameters: string[] = []
  if (random.chance(0.98)) parameters.push(`name=${value(random, names)}`)
  if (random.chance(0.4)) parameters.push(`filename=${random.chance(0.05) ? '""' : value(random, filenames)}`)
  if (random.chance(0.04)) parameters.push(`filename*=${random.pick(extendedValues)}`)
  if (random.chance(0.01))
    parameters.push(
      `${random.pick(['name*', 'name*', 'filename*0', 'name*0*'])}=${random.pick(extendedValues)}`,
    )
  if (random.chance(0.02)) parameters.push(random.pick(['x=y', 'size=5', 'x="y;z"', 'x', '', 'x="']))
  if (random.chance(0.01)) parameters.push(`name=${value(random, names)}`)
  if (random.chance(0.01)) parameters.push(`filename=${value(random, filenames)}`)
  if (random.chance(0.1)) parameters.reverse()
  const type = random.chance(0.97)
    ? 'form-data'
    : random.pick(['Form-Data', 'FORM-DATA', 'attachment', 'file', '', 'form-data x', '"form-data"'])
  const separator = random.chance(0.93) ? '; ' : random.pick([';', ' ; ', ';\t', ' ', ';;', ',', ';  '])
  const end = random.chance(0.95) ? '' : random.pick([';', '; ', ' ', '\t', ';;', ' x', '"', '\\'])
  return [type, ...parameters].join(separator) + end
}

function content(random: Random, delimiter: string): string {
  if (random.chance(0.35)) return random.pick(['', 'hello', 'a=b&c=d', 'two\r\nlines', '0'])
  const length = random.below(random.chance(0.05) ? 3000 : 60)
  return random.pick([
    () => utf8('naïve 名前 😀'),
    () => utf8('\uFEFFwith a byte order mark'),
    () => '\xff\xfe\xe9\x80 no UTF-8 \xc3',
    () => random.text('\r\n', length),
    () => random.text('\r\n-', length),
    () => '\r\n'.repeat(length),
    () => random.text(`\r\n-${delimiter.slice(-3)}`, length),
    () => Array.from({ length }, () => String.fromCharCode(random.below(256))).join(''),
    () => `ends in ${random.pick(['\r', '\n', '\r\n', '\r\n\r', '\r\n-', '\r\n--', '\r\n\r\n'])}`,
    () => `\r\n${delimiter.slice(0, 1 + random.below(delimiter.length))}`,
    () => `x\r\n${delimiter.slice(0, 1 + random.below(delimiter.length))}x`,
    () =>
      `almost\r\n${delimiter}${random.pick(['x', '-', '-x', ' x', '\t\tx', '\r', '\rx', '\r\r\n', ' \rx', ' -', ' --', '\0'])}`,
    () => `in line ${delimiter}\r\nx`,
    () => `in line ${delimiter}--`,
    () => `no CR\n${delimiter}\r\nx`,
    () => `no LF\r${delimiter}\r\nx`,
    () => `\r\n${delimiter}\nx`,
    () => delimiter,
    () => `${delimiter}--\r\n`,
    () => '{"a":[1,{"b":null}],"__proto__":{"x":1}}',
    () => '{"broken":',
    () => 'aGVsbG8=',
    () => `\r\r\n${delimiter.slice(0, 4)}\r\r\n`,
  ])()
}
