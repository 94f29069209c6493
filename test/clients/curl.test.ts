import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accepted, file, refused, type Answer } from './answers.js'
import { fileSize } from './echo.js'
import { useApps } from './everywhere.js'
import { clientEnvironment, findCurl } from './programs.js'

const path = await findCurl()
const png = Buffer.from('\x89PNG\r\n\x1a\n\0\0', 'latin1')
const large = Buffer.alloc(300_000, 'large ')

describe.skipIf(path === undefined)('curl', () => {
  const everywhere = useApps()
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'formgate-curl-'))
    await writeFile(join(folder, 'image.png'), png)
    await writeFile(join(folder, 'notes.txt'), 'line 1\nline 2\n')
    await writeFile(join(folder, 'large.bin'), large)
    await writeFile(join(folder, 'over.bin'), Buffer.alloc(fileSize + 1))
    await writeFile(join(folder, 'far-over.bin'), Buffer.alloc(8 * fileSize))
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** Sends one request to a route of each app. Files are those of the folder. */
  function curl(route: string, ...args: string[]): Promise<Answer> {
    return everywhere((url) => run([...args, url + route]))
  }

  async function run(args: string[], input = ''): Promise<Answer> {
    // Without ~/.curlrc, which only counts as the first option.
    const command = ['-q', '-sS', '-w', '\n%{http_code} %{content_type}', ...args]
    const client = spawn(path!, command, { cwd: folder, env: clientEnvironment })
    client.stdin.on('error', () => {}).end(input)
    const [output, complaints] = await Promise.all([text(client.stdout), text(client.stderr)])
    const cut = output.lastIndexOf('\n')
    const [, status, type] = /^(\d+) (.*)$/.exec(output.slice(cut + 1)) ?? []
    if (complaints !== '') throw new Error(complaints)
    return { status: Number(status), type: type!, body: JSON.parse(output.slice(0, cut)) }
  }

  describe('-F', () => {
    test('several times sends fields and files', async () => {
      const answer = await curl(
        '/echo',
        '-F',
        'username=User',
        '-F',
        'password=myAwesomePass',
        '-F',
        'image=@image.png',
        '-F',
        'notes=@notes.txt',
        '-F',
        'notes=@large.bin',
      )
      expect(answer).toEqual(
        accepted(
          {
            username: 'User',
            password: 'myAwesomePass',
            image: 'File image.png',
            notes: ['File notes.txt', 'File large.bin'],
          },
          {
            image: [file('image.png', png, { type: 'image/png' })],
            notes: [
              file('notes.txt', 'line 1\nline 2\n', { type: 'text/plain' }),
              file('large.bin', large, { type: 'application/octet-stream' }),
            ],
          },
        ),
      )
    })

    test('works beside a Content-Type set by hand, since curl adds the boundary to it', async () => {
      const answer = await curl(
        '/echo',
        '-X',
        'POST',
        '-H',
        'Content-Type: multipart/form-data',
        '-F',
        'username=User',
        '-F',
        'password=myAwesomePass',
      )
      expect(answer).toEqual(accepted({ username: 'User', password: 'myAwesomePass' }))
    })

    test('sends a file under the type and name of ;type= and ;filename=', async () => {
      const answer = await curl('/echo', '-F', 'f=@image.png;type=image/x-own;filename=other.png')
      expect(answer).toEqual(
        accepted({ f: 'File other.png' }, { f: [file('other.png', png, { type: 'image/x-own' })] }),
      )
    })

    test('sends a field as JSON with ;type=application/json', async () => {
      const answer = await curl('/echo', '-F', 'profile={"age": 42};type=application/json')
      expect(answer).toEqual(accepted({ profile: { age: 42 } }))
    })

    test('with < sends the content of a file as a field', async () => {
      const answer = await curl('/echo', '-F', 'text=<notes.txt')
      expect(answer).toEqual(accepted({ text: 'line 1\nline 2\n' }))
    })

    test('sends a field in the charset that its type declares', async () => {
      await writeFile(join(folder, 'latin1.txt'), 'Jürgen', 'latin1')
      const answer = await curl('/echo', '-F', 'name=<latin1.txt;type=text/plain; charset=iso-8859-1')
      expect(answer).toEqual(accepted({ name: 'Jürgen' }))
    })

    test('with an encoder sends the encoded text, which stays encoded', async () => {
      const answer = await curl('/echo', '-F', 'f=@notes.txt;encoder=base64')
      const encoded = Buffer.from('line 1\nline 2\n').toString('base64')
      expect(answer).toEqual(
        accepted({ f: 'File notes.txt' }, { f: [file('notes.txt', encoded, { type: 'text/plain' })] }),
      )
    })

    test('with a list of files sends one part that is itself multipart, which RFC 7578, 4.3, forbids', async () => {
      const answer = await curl('/echo', '-F', 'f=@image.png,notes.txt')
      expect(answer).toEqual(
        refused(400, 'MALFORMED_PART', { detail: 'send each file as a part of its own' }),
      )
    })

    test('from a pipe has no length and arrives whole', async () => {
      const answer = await everywhere((url) =>
        run(['-F', 'f=@-;filename=piped.txt', `${url}/echo`], 'from a pipe'),
      )
      expect(answer).toEqual(
        accepted({ f: 'File piped.txt' }, { f: [file('piped.txt', 'from a pipe', { type: 'text/plain' })] }),
      )
    })

    test.each([
      { what: 'an umlaut', name: 'Übergröße.txt' },
      { what: 'Japanese', name: '写真.txt' },
      { what: 'an emoji', name: '🌻.txt' },
      { what: 'a quote', name: 'the "final" one.txt' },
      { what: 'a percent sign', name: '100%.txt' },
      { what: 'a semicolon', name: 'a;b.txt' },
    ])('sends a file name with $what', async ({ name }) => {
      for (const escape of [[], ['--form-escape']]) {
        const answer = await curl(
          '/echo',
          ...escape,
          '-F',
          `f=@notes.txt;filename="${name.replaceAll('"', '\\"')}"`,
        )
        expect(answer).toMatchObject({ status: 200, body: { files: { f: [{ name, originalName: name }] } } })
      }
    })

    test.each([
      { what: 'a backslash', name: String.raw`back\slash.txt`, safe: 'slash.txt' },
      { what: 'a backslash at its end', name: 'end\\', safe: 'end' },
      { what: 'a path', name: 'some/where/notes.txt', safe: 'notes.txt' },
      { what: 'a line break', name: 'two\nlines.txt', safe: 'twolines.txt' },
    ])('sends a file name with $what', async ({ name, safe }) => {
      const quoted = name.replaceAll('\\', '\\\\')
      const answer = await curl('/echo', '-F', `f=@notes.txt;filename="${quoted}"`)
      expect(answer).toMatchObject({
        status: 200,
        body: { files: { f: [{ name: safe, originalName: name }] } },
      })
    })

    test('over the limit is answered 413', async () => {
      expect(await curl('/echo', '-F', 'f=@over.bin')).toEqual(refused(413, 'LIMIT_FILE_SIZE'))
    })
  })

  describe('-d', () => {
    test('sends a URL-encoded form', async () => {
      const answer = await curl('/echo', '-d', 'a=1&b=x%20y+z', '-d', 'a=2')
      expect(answer).toEqual(accepted({ a: ['1', '2'], b: 'x y z' }))
    })

    test('arrives decoded when --data-urlencode has encoded it', async () => {
      const answer = await curl(
        '/echo',
        '--data-urlencode',
        'name=Jürgen & "Söhne" + 100%',
        '--data-urlencode',
        'notes@notes.txt',
      )
      expect(answer).toEqual(accepted({ name: 'Jürgen & "Söhne" + 100%', notes: 'line 1\nline 2\n' }))
    })

    test('with JSON and no header is a form with a strange name, as the header says', async () => {
      const answer = await curl('/echo', '-d', '{"a":1}')
      expect(answer).toEqual(accepted({ '{"a":1}': '' }))
    })

    test('with JSON and its header arrives as JSON', async () => {
      const answer = await curl('/echo', '-H', 'Content-Type: application/json', '-d', '{"a": [1, null]}')
      expect(answer).toEqual(accepted({ a: [1, null] }))
    })

    test('under a multipart header set by hand is refused because it has no boundary', async () => {
      const answer = await curl('/echo', '-H', 'Content-Type: multipart/form-data', '-d', 'username=User')
      expect(answer).toEqual(refused(400, 'MISSING_BOUNDARY', { hint: 'with curl use -F alone' }))
    })

    test('of a body written by hand without the leading dashes is refused, and the hint says that they are missing', async () => {
      const body = [
        '---WD9146A',
        'Content-Disposition: form-data; name="username"',
        '',
        'User',
        '---WD9146A',
        'Content-Disposition: form-data; name="password"',
        '',
        'myAwesomePass',
        '---WD9146A',
        '',
      ].join('\r\n')
      const answer = await curl(
        '/echo',
        '-H',
        'Content-Type: multipart/form-data; boundary=---WD9146A',
        '--data-binary',
        body,
      )
      expect(answer).toEqual(
        refused(400, 'BOUNDARY_MISMATCH', { hint: 'A delimiter is "--" and the boundary' }),
      )
    })

    test('with no data sends no body, which arrives as no data', async () => {
      expect(await curl('/echo', '-d', '')).toEqual(accepted({}))
      expect(await curl('/echo', '-X', 'POST')).toEqual(accepted({}))
      expect(await curl('/echo', '-H', 'Transfer-Encoding: chunked', '-d', '')).toEqual(accepted({}))
    })
  })

  describe('--json', () => {
    test('sends JSON', async () => {
      const answer = await curl('/json', '--json', '{"name": "Jürgen", "age": 42}')
      expect(answer).toEqual(accepted({ name: 'Jürgen', age: 42 }))
    })

    test('with a typing error is refused with its position', async () => {
      const answer = await curl('/echo', '--json', "{'a': 1}")
      expect(answer).toEqual(refused(400, 'MALFORMED_JSON', { detail: 'JSON parse error - ' }))
    })

    test('arrives in chunks too', async () => {
      const answer = await curl('/echo', '-H', 'Transfer-Encoding: chunked', '--json', '{"a":1}')
      expect(answer).toEqual(accepted({ a: 1 }))
    })
  })

  describe('-T', () => {
    test('sends a file under its own name if the address ends in a slash', async () => {
      await writeFile(join(folder, 'groß & klein.txt'), 'x')
      const answer = await curl('/raw/', '-T', 'groß & klein.txt')
      expect(answer).toEqual(
        accepted({ file: 'File groß & klein.txt' }, { file: [file('groß & klein.txt', 'x')] }),
      )
    })

    test('sends a file under the name in the address', async () => {
      const answer = await curl('/raw/other.bin', '-T', 'large.bin')
      expect(answer).toEqual(accepted({ file: 'File other.bin' }, { file: [file('other.bin', large)] }))
    })

    test('from a pipe arrives in chunks', async () => {
      const answer = await everywhere((url) => run(['-T', '-', `${url}/raw/piped.txt`], 'from a pipe'))
      expect(answer).toEqual(
        accepted({ file: 'File piped.txt' }, { file: [file('piped.txt', 'from a pipe')] }),
      )
    })

    test('of an empty file sends no body, which arrives as no file', async () => {
      await writeFile(join(folder, 'empty.txt'), '')
      expect(await curl('/raw/', '-T', 'empty.txt')).toEqual(accepted({}))
    })

    test('over the limit is answered 413', async () => {
      expect(await curl('/raw/', '-T', 'over.bin')).toEqual(refused(413, 'LIMIT_FILE_SIZE'))
    })

    test('to a route for forms is answered 415, with the types that it accepts', async () => {
      const answer = await curl('/echo', '-X', 'POST', '-T', 'image.png')
      expect(answer).toEqual(
        refused(415, 'MISSING_CONTENT_TYPE', {
          hint: 'This route takes application/json, application/x-www-form-urlencoded, multipart/form-data.',
        }),
      )
    })
  })

  describe('--data-binary', () => {
    test.each([
      { header: 'attachment; filename=image.png', name: 'image.png' },
      { header: 'attachment; filename="the \\"best\\" one.png"', name: 'the "best" one.png' },
      { header: 'attachment; filename="Übergröße.png"', name: 'Übergröße.png' },
      { header: "attachment; filename=photo.png; filename*=UTF-8''%E5%86%99%E7%9C%9F.png", name: '写真.png' },
    ])('sends an image under the name in Content-Disposition: $header', async ({ header, name }) => {
      const answer = await curl(
        '/raw',
        '-H',
        'Content-Type: image/png',
        '-H',
        `Content-Disposition: ${header}`,
        '--data-binary',
        '@image.png',
      )
      expect(answer).toEqual(
        accepted({ file: `File ${name}` }, { file: [file(name, png, { type: 'image/png' })] }),
      )
    })

    test('without a name in Content-Disposition is refused', async () => {
      const answer = await curl('/raw', '-H', 'Content-Type: image/png', '--data-binary', '@image.png')
      expect(answer).toEqual(refused(400, 'MISSING_FILENAME', { hint: 'Content-Disposition: attachment;' }))
    })

    test('arrives in chunks too', async () => {
      const answer = await curl(
        '/raw',
        '-H',
        'Content-Type: image/png',
        '-H',
        'Content-Disposition: attachment; filename=a.png',
        '-H',
        'Transfer-Encoding: chunked',
        '--data-binary',
        '@image.png',
      )
      expect(answer).toEqual(
        accepted({ file: 'File a.png' }, { file: [file('a.png', png, { type: 'image/png' })] }),
      )
    })

    test('to a route for other types is answered 415', async () => {
      const answer = await curl('/json', '-H', 'Content-Type: image/png', '--data-binary', '@image.png')
      expect(answer).toEqual(
        refused(415, 'UNSUPPORTED_MEDIA_TYPE', {
          detail: '"image/png"',
          hint: 'This route takes application/json.',
        }),
      )
    })

    test('to a handler that reads data of a type without a parser is answered 415', async () => {
      const answer = await curl('/echo', '-H', 'Content-Type: image/png', '--data-binary', '@image.png')
      expect(answer).toEqual(refused(415, 'UNSUPPORTED_MEDIA_TYPE', { detail: '"image/png"' }))
    })

    test('sends CSV to a custom parser and text to the plain one', async () => {
      const csv = await curl('/csv', '-H', 'Content-Type: text/csv', '--data-binary', 'a,b\n1,2\n')
      expect(csv).toEqual(
        accepted([
          ['a', 'b'],
          ['1', '2'],
        ]),
      )
      const text = await curl('/text', '-H', 'Content-Type: text/plain', '--data-binary', '@notes.txt')
      expect(text).toEqual(accepted('line 1\nline 2\n'))
    })
  })

  test('-H "Transfer-Encoding: chunked" sends a form without a declared length', async () => {
    const answer = await curl(
      '/echo',
      '-H',
      'Transfer-Encoding: chunked',
      '-F',
      'a=1',
      '-F',
      'f=@large.bin;type=text/plain',
    )
    expect(answer).toEqual(
      accepted({ a: '1', f: 'File large.bin' }, { f: [file('large.bin', large, { type: 'text/plain' })] }),
    )
  })

  test.each([
    { what: 'a form', args: ['-F', 'f=@far-over.bin'], route: '/echo', code: 'LIMIT_FILE_SIZE' },
    { what: 'a file', args: ['-T', 'far-over.bin'], route: '/raw/', code: 'LIMIT_FILE_SIZE' },
    { what: 'JSON', args: ['--json', '@far-over.bin'], route: '/echo', code: 'LIMIT_BODY_SIZE' },
    {
      what: 'a file in chunks',
      args: ['-H', 'Transfer-Encoding: chunked', '-T', 'far-over.bin'],
      route: '/raw/',
      code: 'LIMIT_FILE_SIZE',
    },
  ])(
    '-H "Expect: 100-continue" sees the 413 for $what that is far over the limit',
    async ({ args, route, code }) => {
      const answer = await curl(route, '-H', 'Expect: 100-continue', ...args)
      expect(answer).toEqual(refused(413, code))
    },
  )
})
