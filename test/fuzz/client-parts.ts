/** Builds forms with parts as real clients write them. In all texts one character is one byte. */
import type { Specimen } from './grammar.js'
import type { Random } from './random.js'

/** A part, and the names under which its content must arrive. */
export interface ClientPart {
  readonly header: string
  readonly content: string
  readonly name: string
  /** `undefined` for a part that has none on the wire. */
  readonly filename: string | undefined
}

export interface ClientForm extends Specimen {
  readonly parts: readonly ClientPart[]
}

const boundary = '------------------------4ae23f9d5c1f0d5b'

function utf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}

export function buildClientForm(random: Random): ClientForm {
  const count = 1 + random.below(5)
  const parts = Array.from({ length: count }, () => random.pick(makers)(random))
  const body = parts.map(({ header, content }) => `--${boundary}\r\n${header}\r\n\r\n${content}\r\n`).join('')
  const charset = random.pick([
    '',
    '',
    '',
    '; charset=utf-8',
    '; charset=windows-1251',
    '; charset=shift_jis',
  ])
  return {
    contentType: `multipart/form-data; boundary=${boundary}${charset}`,
    body: Buffer.from(`${body}--${boundary}--\r\n`, 'latin1'),
    parts,
  }
}

const names = ['a', 'photo', 'list[]', 'o[k]', 'html', 'text', 'it\'s "é"']

const fileNames = [
  'photo.jpg',
  "it's.jpg",
  'a;b.jpg',
  'a;b=c.jpg',
  '12" vinyl.jpg',
  "l'été 名前 😀.jpg",
  '50% off.jpg',
  'IMG%2012.jpg',
  'a (1).jpg',
  'C:\\new.jpg',
]

const fileTypes = [
  'image/jpeg',
  'application/octet-stream',
  'application/pdf',
  'text/plain',
  'application/json',
]

/** What browsers, undici, curl, OkHttp, npm's form-data and python-requests escape in a quoted value. */
function escaped(text: string): string {
  return utf8(text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A'))
}

function field(random: Random, lines: readonly string[], content: string): ClientPart {
  const name = random.pick(names)
  const header = [`Content-Disposition: form-data; name="${escaped(name)}"`, ...lines].join('\r\n')
  return { header, content, name, filename: undefined }
}

function file(random: Random, parameter: (filename: string) => string, type?: string): ClientPart {
  const name = random.pick(names)
  const filename = random.pick(fileNames)
  const disposition = `Content-Disposition: form-data; name="${escaped(name)}"; ${parameter(filename)}`
  const header = type === undefined ? disposition : `${disposition}\r\nContent-Type: ${type}`
  return { header, content: bytes(random), name, filename }
}

/** Content of which a text could lose a byte. */
function bytes(random: Random): string {
  return random.pick([
    () => '',
    () => 'plain text',
    () => utf8('naïve 名前 😀 \uFFFD'),
    () => 'caf\xe9',
    () => '\xff\xd8\xff\xe0\0\x10JFIF',
    () => '\xcf\xf0\xe8\xe2\xe5\xf2',
    () => `\r\n--${boundary.slice(0, random.below(boundary.length))}`,
    () => `x--${boundary}--`,
    () => `\n--${boundary}x`,
    () => `\n--${boundary}${random.pick(['\r\n', '--\r\n'])}`,
    () => Array.from({ length: random.below(80) }, () => String.fromCharCode(random.below(256))).join(''),
    () => Array.from({ length: 70_000 }, () => String.fromCharCode(random.below(256))).join(''),
    () => random.text('\r\n-', random.below(40)),
  ])()
}

const makers: readonly ((random: Random) => ClientPart)[] = [
  // Every client: a text, which a program may also fill with bytes, as python-requests does for (None, b'...').
  (random) => field(random, [], bytes(random)),
  (random) => field(random, [], utf8(random.pick(['', 'é', '✓', 'two\r\nlines']))),
  // aiohttp, and Java clients.
  (random) => field(random, ['Content-Type: text/plain; charset=utf-8'], bytes(random)),
  (random) =>
    field(
      random,
      [
        'Content-Type: text/plain; charset=ISO-8859-1',
        'Content-Transfer-Encoding: 8bit',
        `Content-Length: ${random.below(9)}`,
      ],
      bytes(random),
    ),
  (random) =>
    field(
      random,
      [`Content-Type: text/plain; charset=${random.pick(['gbk', 'utf-16le', 'koi8-r', 'x-none'])}`],
      bytes(random),
    ),
  // npm's form-data, axios and superagent with a Buffer; curl -F 'x=<file;type=…'.
  (random) =>
    field(
      random,
      [`Content-Type: ${random.pick(fileTypes.slice(0, 3))}`, 'X-Note: a', 'X-Note: b'],
      bytes(random),
    ),
  (random) => field(random, ['Content-Type: text/html'], bytes(random)),
  // JSON, of curl, axios and python-requests.
  (random) =>
    field(
      random,
      ['Content-Type: application/json'],
      random.pick(['{"a":[1,null,"é"]}', '"x"', '[', bytes(random)].map(utf8)),
    ),
  // Files of browsers, undici, curl, OkHttp, npm's form-data and python-requests.
  (random) => file(random, (name) => `filename="${escaped(name)}"`, random.pick(fileTypes)),
  (random) => file(random, (name) => `filename="${escaped(name)}"`),
  // React Native 0.74 to 0.76, which escapes neither.
  (random) =>
    file(random, (name) => `filename="${utf8(name)}"; filename*=utf-8''${encodeURI(name)}`, 'image/jpeg'),
  // Python-requests of old, and clients that write RFC 8187.
  (random) => file(random, (name) => `filename*=utf-8''${encodeURIComponent(name)}`, 'image/jpeg'),
  (random) => file(random, (name) => `filename*="UTF-8''${encodeURIComponent(name)}"`, 'image/jpeg'),
  (random) => file(random, (name) => `filename="${escaped(name)}"; filename*=bogus''x`, 'image/jpeg'),
  (random) => file(random, (name) => `filename*0="${escaped(name)}"; filename*1=".jpg"`, 'image/jpeg'),
  // No file chosen, and a form that names its charset.
  (random) => ({
    ...file(random, () => 'filename=""', 'application/octet-stream'),
    content: '',
    filename: '',
  }),
  (random) => ({
    header: 'Content-Disposition: form-data; name="_charset_"',
    content: random.pick(['windows-1252', 'utf-8', 'x-none']),
    name: '_charset_',
    filename: undefined,
  }),
  (random) => ({
    header: 'Content-Disposition: form-data; name="charsets"',
    content: random.pick(['{"text":"iso-8859-1","html":"windows-1251"}', '{"text":"x-none"}', 'null', '{']),
    name: 'charsets',
    filename: undefined,
  }),
]
