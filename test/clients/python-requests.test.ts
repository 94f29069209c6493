import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accepted, file, refused, type Answer } from './answers.js'
import { fileSize } from './echo.js'
import { useApps } from './everywhere.js'
import { findPython } from './programs.js'
import { Python } from './python.js'

const path = await findPython()
const fourLines = 'line 1\nline 2\nline 3\nline 4\n'
const large = Buffer.alloc(300_000, 'large ')

describe.skipIf(path === undefined)('python-requests', () => {
  const everywhere = useApps()
  let folder = ''
  let process: Python

  beforeAll(async () => {
    process = new Python(path!)
    folder = await mkdtemp(join(tmpdir(), 'formgate-python-'))
    await writeFile(join(folder, 'data.txt'), fourLines)
    await writeFile(join(folder, 'large.bin'), large)
  })
  afterAll(async () => {
    process.stop()
    await rm(folder, { recursive: true })
  })

  /** A snippet that sends one request and leaves its response in `r`. */
  function python(code: TemplateStringsArray): (url: string) => Promise<Answer> {
    return (url) => process.run(code.raw[0]!, { url, folder })
  }

  describe('a form with files', () => {
    test('arrives with the file of files= and the field of data=', async () => {
      const answer = await everywhere(python`
        myfile = {'mydata': open(folder + '/data.txt', 'rb')}
        r = requests.post(url + '/echo', data={'hello': 'world'}, files=myfile)
      `)
      expect(answer).toEqual(
        accepted({ hello: 'world', mydata: 'File data.txt' }, { mydata: [file('data.txt', fourLines)] }),
      )
    })

    test('arrives whole when the file is too large to stay in memory', async () => {
      const answer = await everywhere(python`
        with open(folder + '/large.bin', 'rb') as upload:
            r = requests.post(url + '/echo', files={'upload': upload})
      `)
      expect(answer).toEqual(accepted({ upload: 'File large.bin' }, { upload: [file('large.bin', large)] }))
    })

    test('has the names and content types that its tuples give', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', files=[
            ('image', ('a.png', b'\x89PNG', 'image/png')),
            ('image', ('b.csv', 'x,y', 'text/csv', {'X-Origin': 'scanner'})),
        ])
      `)
      expect(answer).toEqual(
        accepted(
          { image: ['File a.png', 'File b.csv'] },
          {
            image: [
              file('a.png', Buffer.from('\x89PNG', 'latin1'), { type: 'image/png' }),
              file('b.csv', 'x,y', { type: 'text/csv' }),
            ],
          },
        ),
      )
    })

    test('has the name of the field as the file name if the file is given as bytes or text', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', files={'blob': b'\x00\xff', 'note': 'text'})
      `)
      expect(answer).toEqual(
        accepted(
          { blob: 'File blob', note: 'File note' },
          { blob: [file('blob', Buffer.from([0, 255]))], note: [file('note', 'text')] },
        ),
      )
    })

    test('has a field for a tuple whose file name is None', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', files={
            'username': (None, 'User'),
            'profile': (None, json.dumps({'age': 42}), 'application/json'),
        })
      `)
      expect(answer).toEqual(accepted({ username: 'User', profile: { age: 42 } }))
    })

    test('has an empty file if the file is empty', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', files={'empty': ('empty.txt', b'')})
      `)
      expect(answer).toEqual(accepted({ empty: 'File empty.txt' }, { empty: [file('empty.txt', '')] }))
    })

    test.each([
      { what: 'umlauts', name: 'Übergrößenträger.txt' },
      { what: 'Japanese', name: '写真のコピー.png' },
      { what: 'an emoji', name: '🌻 sunflower.jpg' },
      { what: 'quotes', name: 'the "final" version.doc' },
      { what: 'an escape that is none', name: '100%22 sure.txt', arrives: '100" sure.txt' },
      { what: 'a semicolon and an equals sign', name: 'a;filename=b.txt' },
    ])('has the file name with $what', async ({ name, arrives = name }) => {
      const answer = await everywhere((url) =>
        process.run(`r = requests.post(url + '/echo', files={'f': (name, b'x')})`, { url, name }),
      )
      expect(answer).toEqual(accepted({ f: `File ${arrives}` }, { f: [file(arrives, 'x')] }))
    })

    test('has a file name without its line breaks, and the original name with them', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', files={'f': ('two\r\nlines.txt', b'x')})
      `)
      expect(answer).toEqual(
        accepted(
          { f: 'File twolines.txt' },
          { f: [file('twolines.txt', 'x', { originalName: 'two\r\nlines.txt' })] },
        ),
      )
    })

    test('has the last segment of a path for a file name', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', files={'f': ('../../etc/passwd', b'x')})
      `)
      expect(answer).toEqual(
        accepted({ f: 'File passwd' }, { f: [file('passwd', 'x', { originalName: '../../etc/passwd' })] }),
      )
    })

    test('has the last segment of a Windows path for a file name', async () => {
      const { status, body } = await everywhere(python`
        r = requests.post(url + '/echo', files={'f': (r'C:\temp\photo.png', b'x')})
      `)
      expect(status).toBe(200)
      expect(body).toMatchObject({ files: { f: [{ name: 'photo.png' }] } })
      // urllib3 before 2.0 sends each backslash twice.
      expect(String.raw`C:\temp\photo.png C:\\temp\\photo.png`).toContain(
        (body as { files: { f: { originalName: string }[] } }).files.f[0]?.originalName,
      )
    })

    test('has field names with quotes, brackets and umlauts', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', data={'the "name"': '1', 'größe[x]': '2'}, files={'__proto__': ('a', 'b')})
      `)
      expect(answer).toEqual(
        accepted(
          { 'the "name"': '1', 'größe[x]': '2', ['__proto__']: 'File a' },
          { ['__proto__']: [file('a', 'b')] },
        ),
      )
    })

    test('is refused with 413 when its file is over the limit, and the client reads the answer', async () => {
      const answer = await everywhere((url) =>
        process.run(`r = requests.post(url + '/echo', files={'f': b'x' * (int(size) + 1)})`, {
          url,
          size: String(fileSize),
        }),
      )
      expect(answer).toEqual(refused(413, 'LIMIT_FILE_SIZE'))
    })

    test('is accepted when its file is as large as the limit', async () => {
      const { status } = await everywhere((url) =>
        process.run(`r = requests.post(url + '/echo', files={'f': b'x' * int(size)})`, {
          url,
          size: String(fileSize),
        }),
      )
      expect(status).toBe(200)
    })
  })

  describe('a Content-Type that was set by hand', () => {
    test('without a boundary is refused, and the hint says to remove it', async () => {
      const answer = await everywhere(python`
        payload = {'company-detail': {'description': 'We are a renowned engineering company', 'addr1': '1280 wick ter'}}
        files = {'upload_file': open(folder + '/data.txt', 'rb')}
        headers = {'content-type': 'application/json'}
        headers = {'content-type': 'multipart/form-data'}
        r = requests.post(url + '/echo', data=payload, headers=headers, files=files)
      `)
      expect(answer).toEqual(
        refused(400, 'MISSING_BOUNDARY', {
          detail: 'has no boundary',
          hint:
            'Remove the Content-Type header that was set by hand: the HTTP client adds it together with the boundary. ' +
            'In python-requests pass files= and no Content-Type',
        }),
      )
    })

    test('without a boundary is refused with the boundary that the body seems to use', async () => {
      const answer = await everywhere(python`
        request = requests.Request('POST', url + '/echo', files={'f': b'x'}).prepare()
        boundary = request.headers['content-type'].partition('boundary=')[2]
        request.headers['content-type'] = 'multipart/form-data'
        r = requests.Session().send(request)
        assert 'seems to use the boundary "' + boundary + '"' in r.json()['hint'], r.text
      `)
      expect(answer.status).toBe(400)
    })

    test('without a boundary over a JSON body is refused, and the hint says that it looks like JSON', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', data=json.dumps({'a': 1}), headers={'content-type': 'multipart/form-data'})
      `)
      expect(answer).toEqual(refused(400, 'MISSING_BOUNDARY', { hint: 'looks like JSON' }))
    })

    test('of another boundary is refused with both of them', async () => {
      const answer = await everywhere(python`
        headers = {'content-type': 'multipart/form-data; boundary=----MyBoundary'}
        r = requests.post(url + '/echo', headers=headers, files={'f': b'x'})
      `)
      expect(answer).toEqual(
        refused(400, 'BOUNDARY_MISMATCH', {
          detail: 'declares the boundary "----MyBoundary" but the body uses "',
        }),
      )
    })

    test('of JSON over a form with files is refused, and the hint says that the body looks like multipart', async () => {
      const answer = await everywhere(python`
        headers = {'content-type': 'application/json'}
        r = requests.post(url + '/echo', headers=headers, data={'a': '1'}, files={'f': b'x'})
      `)
      expect(answer).toEqual(
        refused(400, 'MALFORMED_JSON', {
          hint: 'The body looks like multipart/form-data. Remove the Content-Type header that was set by hand',
        }),
      )
    })

    test('of a URL-encoded form over a form with files is refused, and the hint says the same', async () => {
      const answer = await everywhere(python`
        headers = {'content-type': 'application/x-www-form-urlencoded'}
        r = requests.post(url + '/echo', headers=headers, data={'a': '1'}, files={'f': b'x'})
      `)
      expect(answer).toEqual(refused(400, 'MALFORMED_FORM', { hint: 'looks like multipart/form-data' }))
    })

    test('of multipart over data= alone is refused, and the hint says that it looks URL-encoded', async () => {
      const answer = await everywhere(python`
        headers = {'content-type': 'multipart/form-data; boundary=x'}
        r = requests.post(url + '/echo', headers=headers, data={'a': '1', 'b': '2'})
      `)
      expect(answer).toEqual(refused(400, 'NOT_MULTIPART', { hint: 'application/x-www-form-urlencoded' }))
    })
  })

  describe('data=', () => {
    test('alone arrives as a URL-encoded form', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', data={'hello': 'wörld & all', 'empty': '', 'n': 42, 'yes': True})
      `)
      expect(answer).toEqual(accepted({ hello: 'wörld & all', empty: '', n: '42', yes: 'True' }))
    })

    test.each(['', `, files={'f': ('f', b'x')}`])(
      'with a list repeats the field, with a dict sends its keys alone, with None sends nothing (%s)',
      async (files) => {
        const { status, body } = await everywhere((url) =>
          process.run(
            `r = requests.post(url + '/echo', data={
                'list': ['a', 'b'], 'one': ['c'], 'dict': {'x': 1, 'y': {'z': 2}}, 'none': None}${files})`,
            { url },
          ),
        )
        expect(status).toBe(200)
        const { data } = body as { data: Record<string, unknown> }
        delete data['f']
        expect(data).toEqual({ list: ['a', 'b'], one: 'c', dict: ['x', 'y'] })
      },
    )

    test('as a string has no content type and is answered 415', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', data=json.dumps({'a': 1}))
      `)
      expect(answer).toEqual(refused(415, 'MISSING_CONTENT_TYPE', { hint: 'Set the Content-Type header' }))
    })

    test('that is empty sends no body, which arrives as no data', async () => {
      expect(await everywhere(python`r = requests.post(url + '/echo')`)).toEqual(accepted({}))
      expect(await everywhere(python`r = requests.post(url + '/echo', data={}, files={})`)).toEqual(
        accepted({}),
      )
    })
  })

  describe('json=', () => {
    test('arrives unchanged at any depth', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', json={'user': {'name': 'Jürgen 🌻', 'tags': [1, 2.5, None, True]}})
      `)
      expect(answer).toEqual(accepted({ user: { name: 'Jürgen 🌻', tags: [1, 2.5, null, true] } }))
    })

    test('beside files= is not sent by the client: the form arrives without it', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', json={'a': 1}, files={'f': ('f.txt', b'x')})
      `)
      expect(answer).toEqual(accepted({ f: 'File f.txt' }, { f: [file('f.txt', 'x')] }))
    })

    test('with single quotes, as str() of a dict gives, is refused as malformed', async () => {
      const answer = await everywhere(python`
        r = requests.post(url + '/echo', data=str({'a': 1}), headers={'content-type': 'application/json'})
      `)
      expect(answer).toEqual(refused(400, 'MALFORMED_JSON', { detail: 'JSON parse error - ' }))
    })

    test('arrives at a route for JSON only, which answers 415 to a form', async () => {
      expect(await everywhere(python`r = requests.post(url + '/json', json=[1, 2])`)).toEqual(
        accepted([1, 2]),
      )
      const form = await everywhere(python`r = requests.post(url + '/json', files={'f': b'x'})`)
      expect(form).toEqual(
        refused(415, 'UNSUPPORTED_MEDIA_TYPE', { hint: 'This route takes application/json.' }),
      )
    })
  })

  describe('a body that is a file', () => {
    test('is stored under the name in the address', async () => {
      const answer = await everywhere(python`
        with open(folder + '/large.bin', 'rb') as upload:
            r = requests.put(url + '/raw/gro%C3%9F.bin', data=upload)
      `)
      expect(answer).toEqual(accepted({ file: 'File groß.bin' }, { file: [file('groß.bin', large)] }))
    })

    test('is stored under the name in its Content-Disposition', async () => {
      const answer = await everywhere(python`
        headers = {'Content-Disposition': 'attachment; filename=upload.jpg', 'Content-Type': 'image/jpeg'}
        r = requests.post(url + '/raw', data=b'\xff\xd8', headers=headers)
      `)
      expect(answer).toEqual(
        accepted(
          { file: 'File upload.jpg' },
          { file: [file('upload.jpg', Buffer.from([0xff, 0xd8]), { type: 'image/jpeg' })] },
        ),
      )
    })

    test('is refused if nothing names it', async () => {
      const answer = await everywhere(python`r = requests.post(url + '/raw', data=b'x')`)
      expect(answer).toEqual(
        refused(400, 'MISSING_FILENAME', {
          detail:
            'Missing filename. Request should include a Content-Disposition header with a filename parameter.',
        }),
      )
    })

    test('arrives whole from a generator, in chunks and with no length', async () => {
      const answer = await everywhere(python`
        def chunks():
            for number in range(1000):
                yield b'chunk %d\n' % number
        r = requests.put(url + '/raw/chunks.txt', data=chunks())
        assert r.request.headers['Transfer-Encoding'] == 'chunked'
      `)
      const content = Array.from({ length: 1000 }, (_, number) => `chunk ${number}\n`).join('')
      expect(answer).toEqual(accepted({ file: 'File chunks.txt' }, { file: [file('chunks.txt', content)] }))
    })

    test('is refused with 413 when a generator goes on past the limit, and the client reads the answer', async () => {
      const answer = await everywhere((url) =>
        process.run(
          `r = requests.put(url + '/raw/endless', data=(b'x' * 65536 for _ in range(int(size) // 65536 + 4)))`,
          { url, size: String(fileSize) },
        ),
      )
      expect(answer).toEqual(refused(413, 'LIMIT_FILE_SIZE'))
    })

    test('is refused in the envelope of a form that a mounted parser has read, and the hint says so', async () => {
      const answer = await everywhere(python`
        r = requests.put(url + '/raw/data.txt', files={'file': open(folder + '/data.txt', 'rb')})
      `)
      expect(answer).toEqual(
        refused(415, 'UNSUPPORTED_MEDIA_TYPE', {
          hint: 'The multipart() above this route already read the body as multipart/form-data',
        }),
      )
    })
  })

  test('a CSV body arrives as the rows of a custom parser', async () => {
    const answer = await everywhere(python`
      r = requests.post(url + '/csv', data='name,age\nJürgen,42\n'.encode(), headers={'Content-Type': 'text/csv'})
    `)
    expect(answer).toEqual(
      accepted([
        ['name', 'age'],
        ['Jürgen', '42'],
      ]),
    )
  })

  test('a text body arrives as a string, in the charset that it declares', async () => {
    const answer = await everywhere(python`
      headers = {'Content-Type': 'text/plain; charset=iso-8859-1'}
      r = requests.post(url + '/text', data='Jürgen'.encode('latin-1'), headers=headers)
    `)
    expect(answer).toEqual(accepted('Jürgen'))
  })
})
