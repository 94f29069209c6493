/** The table of docs/clients.md: what clients send, byte for byte, and what a handler gets. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, type Sent } from './client.js'
import { frameworks, type App } from './frameworks.js'

interface Client {
  readonly client: string
  /** What is special about it, as the page says. */
  readonly sends: string
  /** What Formgate makes of it, as the page says. */
  readonly becomes: string
  readonly boundary?: string
  readonly type?: string
  /** The header and the content of each part, one character for each byte. */
  readonly parts?: readonly (readonly [header: string, content: string])[]
  /** In place of parts. */
  readonly body?: string
  readonly data?: Readonly<Record<string, unknown>>
  /** The answer to what is refused: its code, and a text in its hint. */
  readonly code?: string
  readonly hint?: string
}

const jpeg = '\xff\xd8\xff'
const é = '\xc3\xa9'
const disposition = (rest: string): string => `Content-Disposition: form-data; ${rest}`
const file = (name: string, more: object = {}): object => ({ name, type: 'image/jpeg', size: 3, ...more })
const handMade = (end: string): string =>
  `--X\r\n${disposition('name="photo"; filename="a.jpg"')}\r\nContent-Type: image/jpeg\r\n\r\n${jpeg}${end}`

const clients: readonly Client[] = [
  {
    client: 'Browsers, and `fetch` of Node with a `FormData`',
    sends: 'quotes and line ends of a name as `%22`, `%0D`, `%0A`; a `Blob` with `filename="blob"`',
    becomes: 'the name as it was; a file called `blob`',
    boundary: '----formdata-undici-006655370754',
    parts: [
      [disposition('name="a"'), `${é}\r\n`],
      [`${disposition(`name="photo"; filename="${é} %22q%22%0A.jpg"`)}\r\nContent-Type: image/jpeg`, jpeg],
      [`${disposition('name="blob"; filename="blob"')}\r\nContent-Type: application/octet-stream`, jpeg],
    ],
    data: {
      a: 'é\r\n',
      photo: file('é "q".jpg', { originalName: 'é "q"\n.jpg' }),
      blob: file('blob', { type: 'application/octet-stream' }),
    },
  },
  {
    client: 'Browsers, a file input in which nothing was chosen',
    sends: '`filename=""`, `application/octet-stream`, no content',
    becomes: 'nothing: the field is absent',
    boundary: '----WebKitFormBoundary7MA4YWxkTrZu0gW',
    parts: [
      [`${disposition('name="photo"; filename=""')}\r\nContent-Type: application/octet-stream`, ''],
      [disposition('name="a"'), '1'],
    ],
    data: { a: '1' },
  },
  {
    client: 'Rails forms',
    sends: 'a hidden field `utf8=✓`',
    becomes: 'a field like any other: name it in a strict schema',
    parts: [
      [disposition('name="utf8"'), '\xe2\x9c\x93'],
      [disposition('name="user[name]"'), 'Ann'],
    ],
    data: { utf8: '✓', 'user[name]': 'Ann' },
  },
  {
    client: 'curl, `-F photo=@photo.jpg`',
    sends: 'a file, and its type by the extension; quotes as `%22`',
    becomes: 'the file',
    boundary: '------------------------14f229f72b2b54f4',
    parts: [
      [`${disposition(`name="photo"; filename="${é} %22q%22 it's;.jpg"`)}\r\nContent-Type: image/jpeg`, jpeg],
    ],
    data: { photo: file(`é "q" it's;.jpg`) },
  },
  {
    client: "curl, `-F 'photo=<photo.jpg;type=image/jpeg'`",
    sends: 'a type, no file name',
    becomes: 'a file called `blob`',
    boundary: '------------------------e61c40830bc90f07',
    parts: [[`${disposition('name="photo"')}\r\nContent-Type: image/jpeg`, jpeg]],
    data: { photo: file('blob', { originalName: '' }) },
  },
  {
    client: 'curl, `-F \'meta={"a":1};type=application/json\'`',
    sends: 'a JSON part',
    becomes: 'the value of the JSON',
    boundary: '------------------------e61c40830bc90f07',
    parts: [[`${disposition('name="meta"')}\r\nContent-Type: application/json`, '{"a":1}']],
    data: { meta: { a: 1 } },
  },
  {
    client: 'npm `form-data`, axios and superagent, a Buffer without options',
    sends: '`application/octet-stream`, no file name',
    becomes: 'a file called `blob`: pass `{ filename }` to name it',
    boundary: '--------------------------8dec6a77c366e1335ac01a0b',
    parts: [[`${disposition('name="avatar"')}\r\nContent-Type: application/octet-stream`, jpeg]],
    data: { avatar: file('blob', { originalName: '', type: 'application/octet-stream' }) },
  },
  {
    client: 'axios, `postForm(url, { list: [1, 2], user: { name } })`',
    sends: 'fields `list[]` and `user[name]`',
    becomes: 'those names; a schema makes a list and an object of them',
    boundary: '--------------------------417a2693b94e6b1671180eab',
    parts: [
      [disposition('name="list[]"'), '1'],
      [disposition('name="list[]"'), '2'],
      [disposition('name="user[name]"'), 'Ann'],
    ],
    data: { 'list[]': ['1', '2'], 'user[name]': 'Ann' },
  },
  {
    client: "axios, `{ 'meta{}': { a: 1 } }`",
    sends: 'JSON in a text field called `meta{}`',
    becomes: 'that text: a field called `meta{}`',
    boundary: '--------------------------417a2693b94e6b1671180eab',
    parts: [[disposition('name="meta{}"'), '{"a":1}']],
    data: { 'meta{}': '{"a":1}' },
  },
  {
    client: "python-requests and httpx, `files={'photo': (name, data, type)}`",
    sends: 'the name in UTF-8, quotes as `%22`',
    becomes: 'the file',
    boundary: '83cc1be1fde663ab44554a0a6f16a6f5',
    parts: [
      [`${disposition(`name="photo"; filename="${é} %22q%22 it's.jpg"`)}\r\nContent-Type: image/jpeg`, jpeg],
    ],
    data: { photo: file(`é "q" it's.jpg`) },
  },
  {
    client: "python-requests, `files={'photo': open('p.jpg', 'rb')}`",
    sends: 'a file name, no type',
    becomes: "a file of type `''`",
    boundary: 'eddac646c46c14b7589a5bdab0aeae6d',
    parts: [[disposition('name="photo"; filename="p.jpg"'), jpeg]],
    data: { photo: file('p.jpg', { type: '' }) },
  },
  {
    client: "python-requests, `files={'raw': (None, data)}`",
    sends: 'bytes without a file name and a type',
    becomes: '400 `INVALID_CHARSET` if they are not UTF-8: a name or a type makes a file of them',
    boundary: '0dddcd685505fe73f8916eb39224aa4e',
    parts: [[disposition('name="raw"'), jpeg]],
    code: 'INVALID_CHARSET',
    hint: 'Send a file with a file name or with its media type.',
  },
  {
    client: 'python-requests with urllib3 before 1.25, a name beyond ASCII',
    sends: "`filename*=utf-8''…`",
    becomes: 'the file with that name',
    boundary: '83cc1be1fde663ab44554a0a6f16a6f5',
    parts: [[disposition(`name="photo"; filename*=utf-8''%C3%A9.jpg`), jpeg]],
    data: { photo: file('é.jpg', { type: '' }) },
  },
  {
    client: 'aiohttp',
    sends: 'a text field with `text/plain; charset=utf-8`; the file name percent-encoded',
    becomes: 'the text; the file name as it was sent, but for `%22`',
    boundary: '6a2314dd25904624b8b67e1f03e189db',
    parts: [
      [`Content-Type: text/plain; charset=utf-8\r\n${disposition('name="a"')}`, é],
      [`Content-Type: image/jpeg\r\n${disposition('name="photo"; filename="%C3%A9%20%22q%22.jpg"')}`, jpeg],
    ],
    data: { a: 'é', photo: file('%C3%A9%20"q".jpg') },
  },
  {
    client: 'React Native before 0.74',
    sends: 'names in lower case in the header: `content-disposition`',
    becomes: 'the file',
    parts: [
      [
        'content-disposition: form-data; name="photo"; filename="IMG 12.jpg"\r\ncontent-type: image/jpeg',
        jpeg,
      ],
    ],
    data: { photo: file('IMG 12.jpg') },
  },
  {
    client: 'React Native 0.74 to 0.76',
    sends: '`filename` and `filename*`, in which `\'`, `;` and `"` are not escaped',
    becomes: 'the file with that name',
    parts: [
      [
        `content-disposition: form-data; name="photo"; filename="it's; 12".jpg"; filename*=utf-8''it's;%2012%22.jpg\r\n` +
          'content-type: image/jpeg',
        jpeg,
      ],
    ],
    data: { photo: file(`it's; 12".jpg`) },
  },
  {
    client: 'React Native 0.77 and later',
    sends: 'the name percent-encoded: `filename="IMG%2012.jpg"`',
    becomes: 'the name as it was sent: `IMG%2012.jpg`',
    parts: [
      [
        'content-disposition: form-data; name="photo"; filename="IMG%2012.jpg"\r\ncontent-type: image/jpeg',
        jpeg,
      ],
    ],
    data: { photo: file('IMG%2012.jpg') },
  },
  {
    client: 'OkHttp and Retrofit',
    sends: 'quotes as `%22`; up to version 4 a `Content-Length` in each part',
    becomes: 'the file',
    boundary: 'be1563be-4245-4ac5-8a95-498ba5b57ba8',
    parts: [
      [
        `${disposition(`name="photo"; filename="${é} %22q%22.jpg"`)}\r\nContent-Type: image/jpeg\r\nContent-Length: 3`,
        jpeg,
      ],
    ],
    data: { photo: file('é "q".jpg') },
  },
  {
    client: 'OkHttp without `setType(MultipartBody.FORM)`',
    sends: '`multipart/mixed`',
    becomes: '415 `UNSUPPORTED_MEDIA_TYPE`',
    type: 'multipart/mixed; boundary=X',
    parts: [[disposition('name="a"'), '1']],
    code: 'UNSUPPORTED_MEDIA_TYPE',
    hint: 'multipart/form-data',
  },
  {
    client: 'Apache HttpClient and other Java clients',
    sends: '`text/plain; charset=ISO-8859-1` and `Content-Transfer-Encoding: 8bit`',
    becomes: 'the text, decoded; a transfer encoding is not undone',
    parts: [
      [
        `${disposition('name="a"')}\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit`,
        'caf\xe9',
      ],
    ],
    data: { a: 'café' },
  },
  {
    client: 'Swift, a body made by hand, without CRLF before the closing delimiter',
    sends: '`…DATA--X--`',
    becomes: '400 `TRUNCATED_BODY`; the hint says that CRLF is missing there',
    body: handMade('--X--\r\n'),
    code: 'TRUNCATED_BODY',
    hint: 'but no CRLF before it',
  },
  {
    client: 'Swift, a body made by hand with `\\n`',
    sends: 'LF in place of CRLF',
    becomes: '400 `LF_LINE_ENDINGS`',
    body: handMade('\r\n--X--\r\n').replaceAll('\r\n', '\n'),
    code: 'LF_LINE_ENDINGS',
    hint: 'CRLF',
  },
  {
    client: 'Postman and Insomnia, with a Content-Type header set by hand',
    sends: '`multipart/form-data` without a boundary',
    becomes: '400 `MISSING_BOUNDARY`; the hint says to remove the header',
    type: 'multipart/form-data',
    parts: [[disposition('name="a"'), '1']],
    code: 'MISSING_BOUNDARY',
    hint: 'Remove the Content-Type header that was set by hand',
  },
  {
    client: 'Postman and axios, with JSON typed into a text field',
    sends: '`{"a":1}` in a field without a type',
    becomes: 'that text; a schema that wants an object parses it',
    parts: [[disposition('name="meta"'), '{"a":1}']],
    data: { meta: '{"a":1}' },
  },
  {
    client: 'SendGrid Inbound Parse, a mail that is not in UTF-8',
    sends: 'text in the charset of the mail, and a field `charsets`',
    becomes: '400 `INVALID_CHARSET`; with the option `charsetsField` the text, see below',
    boundary: 'xYzZY',
    parts: [
      [disposition('name="charsets"'), '{"text":"iso-8859-1"}'],
      [disposition('name="text"'), 'd\xe9j\xe0 vu'],
    ],
    code: 'INVALID_CHARSET',
    hint: 'declare its charset',
  },
  {
    client: 'Mailgun Routes',
    sends: 'fields in UTF-8 such as `body-plain`, and files `attachment-1`, …',
    becomes: 'fields and files with these names',
    boundary: 'd4653e4a9a5d42e58a49fcafbe9c673c',
    parts: [
      [disposition('name="body-plain"'), é],
      [`${disposition('name="attachment-1"; filename="a.jpg"')}\r\nContent-Type: image/jpeg`, jpeg],
    ],
    data: { 'body-plain': 'é', 'attachment-1': file('a.jpg') },
  },
  {
    client: 'Mail programs and mail gateways',
    sends: 'a file name in pieces: `filename*0=…; filename*1=…`',
    becomes: '400 `MALFORMED_PART`; the detail says what to send',
    parts: [[disposition('name="photo"; filename*0="long"; filename*1=".jpg"'), jpeg]],
    code: 'MALFORMED_PART',
    hint: 'Let the HTTP client build the multipart body',
  },
  {
    client: 'Clients that quote `filename*`',
    sends: '`filename*="UTF-8\'\'IMG%2012.jpg"`',
    becomes: 'the file with the decoded name',
    parts: [
      [`${disposition(`name="photo"; filename*="UTF-8''IMG%2012.jpg"`)}\r\nContent-Type: image/jpeg`, jpeg],
    ],
    data: { photo: file('IMG 12.jpg') },
  },
  {
    client: 'Clients that name a charset in the header of the request',
    sends: '`multipart/form-data; boundary=X; charset=windows-1251`',
    becomes: 'text in that charset',
    type: 'multipart/form-data; boundary=X; charset=windows-1251',
    parts: [[disposition('name="a"'), '\xcf\xf0\xe8\xe2\xe5\xf2']],
    data: { a: 'Привет' },
  },
]

function requestOf({ boundary = 'X', type, parts = [], body }: Client): Sent {
  const whole = parts.map(([header, content]) => `--${boundary}\r\n${header}\r\n\r\n${content}\r\n`).join('')
  return {
    type: type ?? `multipart/form-data; boundary=${boundary}`,
    body: Buffer.from(body ?? `${whole}--${boundary}--\r\n`, 'latin1'),
  }
}

describe.each(frameworks)('$name', ({ start }) => {
  let app: App
  beforeAll(async () => {
    app = await start({ mount: {}, routes: [{ path: '/' }] })
  })
  afterAll(() => app.close())

  test.each(clients)('$client: $becomes', async (client) => {
    for (const cut of ['whole', 'byte by byte'] as const) {
      const framing = cut === 'whole' ? 'length' : 'chunked'
      const { json } = await exchange(app.port, { ...requestOf(client), framing }, cut)
      if (client.data === undefined)
        expect(json).toMatchObject({ code: client.code, hint: expect.stringContaining(client.hint ?? '') })
      else expect(json.data).toEqual(withFields(client.data))
    }
  })
})

/** An uploaded file shows its field. */
function withFields(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([field, value]) => {
      const isFile = typeof value === 'object' && value !== null && 'size' in value
      return [field, isFile ? { field, ...value } : value]
    }),
  )
}

test('docs/clients.md has exactly these clients in its table', () => {
  const page = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:client|---) /.test(line))
  expect(rows).toEqual(clients.map(({ client, sends, becomes }) => `| ${client} | ${sends} | ${becomes} |`))
})
