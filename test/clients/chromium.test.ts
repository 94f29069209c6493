import { chromium, type Browser, type Page, type Response } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accepted, file, refused, type Answer } from './answers.js'
import { fileSize } from './echo.js'
import { useApps } from './everywhere.js'
import { findChromium } from './programs.js'

const path = await findChromium()

describe.skipIf(path === undefined)('Chromium', () => {
  const everywhere = useApps()
  let browser: Browser
  const pages = new Map<string, Promise<Page>>()

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: path!,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
  })
  afterAll(() => browser?.close())

  /** Opens a page of each app, lets it send something, and reads the answer. */
  function onPage(use: (page: Page) => Promise<Answer>, route = '/'): Promise<Answer> {
    return everywhere(async (url) => {
      if (!pages.has(url)) pages.set(url, browser.newPage({ baseURL: url }))
      const page = await pages.get(url)!
      await page.goto(route)
      return use(page)
    })
  }

  /** Fills a form of the page and sends it. */
  function submit(form: string, fill: (page: Page) => Promise<unknown>, route = '/'): Promise<Answer> {
    return onPage(async (page) => {
      await fill(page)
      const [response] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === 'POST'),
        page.click(`#${form} button`),
      ])
      return read(response)
    }, route)
  }

  async function read(response: Response): Promise<Answer> {
    const body: unknown = await response.json()
    return { status: response.status(), type: response.headers()['content-type'] ?? '', body }
  }

  describe('a form with files', () => {
    test('arrives with its text, choices and files, without options that were not chosen', async () => {
      const answer = await submit('multipart', async (page) => {
        await page.fill('#multipart [name=title]', 'Größe "L" & mehr 🌻')
        await page.fill('#multipart [name=story]', 'two\nlines')
        await page.check('#multipart [name=news]')
        await page.check('#multipart [value=red]')
        await page.check('#multipart [value=blue]')
        await page.selectOption('#multipart [name=size]', ['S', 'L'])
        await page.setInputFiles('#multipart [name=photos]', [
          { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('\x89PNG') },
          { name: 'large.bin', mimeType: '', buffer: Buffer.alloc(300_000, 'large ') },
        ])
      })
      expect(answer).toEqual(
        accepted(
          {
            _charset_: 'UTF-8',
            title: 'Größe "L" & mehr 🌻',
            story: 'two\r\nlines',
            news: 'on',
            colour: ['red', 'blue'],
            size: ['S', 'L'],
            photos: ['File a.png', 'File large.bin'],
          },
          {
            photos: [
              file('a.png', '\x89PNG', { type: 'image/png' }),
              file('large.bin', Buffer.alloc(300_000, 'large '), { type: 'application/octet-stream' }),
            ],
          },
        ),
      )
    })

    test('arrives with empty texts and without files if it was not filled in', async () => {
      const answer = await submit('multipart', async () => {})
      expect(answer).toEqual(accepted({ _charset_: 'UTF-8', title: '', story: '' }))
    })

    test('has an empty file if an empty file was chosen', async () => {
      const answer = await submit('multipart', (page) =>
        page.setInputFiles('#multipart [name=nothing]', [
          { name: 'empty.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) },
        ]),
      )
      expect(answer).toMatchObject({
        status: 200,
        body: { files: { nothing: [{ name: 'empty.txt', size: 0 }] } },
      })
    })

    test('over the limit is answered 413, and the page shows it', async () => {
      const answer = await submit('multipart', (page) =>
        page.setInputFiles('#multipart [name=photos]', [
          { name: 'over.bin', mimeType: '', buffer: Buffer.alloc(fileSize + 1) },
        ]),
      )
      expect(answer).toEqual(refused(413, 'LIMIT_FILE_SIZE'))
    })

    test.each([
      { what: 'quotes', name: 'the "final" one.txt' },
      { what: 'an emoji', name: '👩‍🚀🌻.txt', safe: '👩🚀🌻.txt' },
      { what: 'Japanese', name: '写真.txt' },
      { what: 'a percent sign', name: '100%.txt' },
      { what: 'a semicolon', name: 'a; filename=b.txt' },
      { what: 'a backslash', name: String.raw`back\slash.txt`, safe: 'slash.txt' },
      { what: 'a backslash before a quote', name: String.raw`a\"b.txt`, safe: '"b.txt' },
      { what: 'line breaks', name: 'two\r\nlines.txt', safe: 'twolines.txt' },
      { what: 'a tab, a bell and a NUL', name: 'a\t\u0007\0b.txt', safe: 'ab.txt' },
    ])('has a file name with $what', async ({ name, safe = name }) => {
      const answer = await submit('multipart', (page) =>
        page.evaluate(`
          const chosen = new DataTransfer()
          chosen.items.add(new File(['x'], ${JSON.stringify(name)}))
          document.querySelector('#multipart [name=photos]').files = chosen.files
        `),
      )
      expect(answer).toMatchObject({
        status: 200,
        body: { files: { photos: [{ name: safe, originalName: name }] } },
      })
    })
  })

  describe('a form on a page in Latin-1', () => {
    test('arrives with its text and file names as they were typed', async () => {
      const answer = await submit(
        'multipart',
        async (page) => {
          await page.fill('#multipart [name=title]', 'Jürgen zahlt 5 €')
          await page.setInputFiles('#multipart [name=photos]', [
            { name: 'Übergröße 5 €.txt', mimeType: 'text/plain', buffer: Buffer.from('ü') },
          ])
        },
        '/latin1.html',
      )
      expect(answer).toEqual(
        accepted(
          {
            _charset_: 'windows-1252',
            title: 'Jürgen zahlt 5 €',
            story: '',
            photos: 'File Übergröße 5 €.txt',
          },
          { photos: [file('Übergröße 5 €.txt', 'ü', { type: 'text/plain' })] },
        ),
      )
    })

    test('has characters outside of Latin-1 as the browser escapes them', async () => {
      const answer = await submit(
        'multipart',
        (page) => page.fill('#multipart [name=title]', '写🌻'),
        '/latin1.html',
      )
      expect(answer).toMatchObject({ body: { data: { title: '&#20889;&#127803;' } } })
    })
  })

  describe('a form without files', () => {
    test('arrives URL-encoded, with the names of chosen files as text', async () => {
      const answer = await submit('urlencoded', async (page) => {
        await page.fill('#urlencoded [name=title]', 'Größe = "L" & mehr + 🌻 100%')
        await page.fill('#urlencoded [name=story]', 'two\nlines')
        await page.check('#urlencoded [value=green]')
        await page.selectOption('#urlencoded [name=size]', ['M', 'L'])
        await page.setInputFiles('#urlencoded [name=photos]', [
          { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('\x89PNG') },
        ])
      })
      expect(answer).toEqual(
        accepted({
          _charset_: 'UTF-8',
          title: 'Größe = "L" & mehr + 🌻 100%',
          story: 'two\r\nlines',
          colour: 'green',
          size: ['M', 'L'],
          photos: 'a.png',
        }),
      )
    })

    test('with enctype="text/plain" is answered 415, with the types that the route accepts', async () => {
      const answer = await submit('plain', (page) => page.fill('#plain [name=title]', 'x'))
      expect(answer).toEqual(
        refused(415, 'UNSUPPORTED_MEDIA_TYPE', { detail: '"text/plain"', hint: 'multipart/form-data' }),
      )
    })
  })

  describe('fetch on a page', () => {
    /** Runs code on the page that returns the promise of a response. */
    function fetching(code: TemplateStringsArray): Promise<Answer> {
      return onPage((page) =>
        page.evaluate(`(async () => {
          const response = await (() => { ${code.raw[0]} })()
          return {
            status: response.status,
            type: response.headers.get('content-type'),
            body: await response.json(),
          }
        })()`),
      )
    }

    test('sends a FormData with fields, files and a Blob of JSON', async () => {
      const answer = await fetching`
        const form = new FormData()
        form.append('name', 'Jürgen')
        form.append('photo', new File(['x'], 'the "写真" 🌻.png', { type: 'image/png' }))
        form.append('profile', new Blob(['{"age":42}'], { type: 'application/json' }))
        return fetch('/echo', { method: 'POST', body: form })
      `
      expect(answer).toEqual(
        accepted(
          { name: 'Jürgen', photo: 'File the "写真" 🌻.png', profile: 'File blob' },
          {
            photo: [file('the "写真" 🌻.png', 'x', { type: 'image/png' })],
            profile: [file('blob', '{"age":42}', { type: 'application/json' })],
          },
        ),
      )
    })

    test('sends the form of the page', async () => {
      const answer = await fetching`
        document.querySelector('#multipart [name=title]').value = 'the "title"'
        const form = new FormData(document.querySelector('#multipart'))
        return fetch('/echo', { method: 'POST', body: form })
      `
      expect(answer).toEqual(accepted({ _charset_: 'UTF-8', title: 'the "title"', story: '' }))
    })

    test('under a Content-Type set by hand is refused, and the hint says to pass the FormData alone', async () => {
      const answer = await fetching`
        const form = new FormData()
        form.append('a', '1')
        const headers = { 'Content-Type': 'multipart/form-data' }
        return fetch('/echo', { method: 'POST', headers, body: form })
      `
      expect(answer).toEqual(
        refused(400, 'MISSING_BOUNDARY', { hint: 'with fetch or axios pass the FormData alone' }),
      )
    })

    test('sends URLSearchParams', async () => {
      const answer = await fetching`
        return fetch('/echo', { method: 'POST', body: new URLSearchParams('a=1&a=%C3%BC') })
      `
      expect(answer).toEqual(accepted({ a: ['1', 'ü'] }))
    })

    test('sends JSON with its header, and text without it', async () => {
      const json = await fetching`
        const headers = { 'Content-Type': 'application/json' }
        return fetch('/json', { method: 'POST', headers, body: JSON.stringify({ a: ['ü'] }) })
      `
      expect(json).toEqual(accepted({ a: ['ü'] }))
      const text = await fetching`
        return fetch('/json', { method: 'POST', body: JSON.stringify({ a: ['ü'] }) })
      `
      expect(text).toEqual(refused(415, 'UNSUPPORTED_MEDIA_TYPE', { detail: '"text/plain;charset=UTF-8"' }))
    })

    test('sends a file as a raw body', async () => {
      const answer = await fetching`
        const file = new File(['x'], '写真.png', { type: 'image/png' })
        return fetch('/raw/' + encodeURIComponent(file.name), { method: 'PUT', body: file })
      `
      expect(answer).toEqual(
        accepted({ file: 'File 写真.png' }, { file: [file('写真.png', 'x', { type: 'image/png' })] }),
      )
    })

    test.each([1, 8])('reads the 413 to a file of %i times the limit', async (times) => {
      const answer = await onPage((page) =>
        page.evaluate(`(async () => {
          const form = new FormData()
          form.append('f', new Blob([new Uint8Array(${times * fileSize + 1})]))
          const response = await fetch('/echo', { method: 'POST', body: form })
          return {
            status: response.status,
            type: response.headers.get('content-type'),
            body: await response.json(),
          }
        })()`),
      )
      expect(answer).toEqual(refused(413, 'LIMIT_FILE_SIZE'))
    })
  })

  describe('XMLHttpRequest', () => {
    /** Runs code on the page that returns a request which has been sent. */
    function sending(code: TemplateStringsArray): Promise<Answer> {
      return onPage((page) =>
        page.evaluate(`new Promise((resolve, reject) => {
          const request = (() => { ${code.raw[0]} })()
          request.onerror = () => reject(new Error('The request has failed.'))
          request.onload = () => resolve({
            status: request.status,
            type: request.getResponseHeader('content-type'),
            body: JSON.parse(request.responseText),
          })
        })`),
      )
    }

    test('sends a FormData', async () => {
      const answer = await sending`
        const form = new FormData()
        form.append('a', '1')
        form.append('f', new File(['x'], 'two\nlines.txt', { type: 'text/plain' }))
        form.append('f', new File(['y'], 'C:\\y.txt', { type: 'text/plain' }))
        const request = new XMLHttpRequest()
        request.open('POST', '/echo')
        request.send(form)
        return request
      `
      expect(answer).toEqual(
        accepted(
          { a: '1', f: ['File twolines.txt', 'File y.txt'] },
          {
            f: [
              file('twolines.txt', 'x', { type: 'text/plain', originalName: 'two\nlines.txt' }),
              file('y.txt', 'y', { type: 'text/plain', originalName: 'C:\\y.txt' }),
            ],
          },
        ),
      )
    })

    test('sends JSON', async () => {
      const answer = await sending`
        const request = new XMLHttpRequest()
        request.open('POST', '/json')
        request.setRequestHeader('Content-Type', 'application/json')
        request.send('{"a":"ü"}')
        return request
      `
      expect(answer).toEqual(accepted({ a: 'ü' }))
    })

    test('with a FormData and a boundary made up by hand is refused, with both boundaries', async () => {
      const answer = await sending`
        const form = new FormData()
        form.append('a', '1')
        const request = new XMLHttpRequest()
        request.open('POST', '/echo')
        request.setRequestHeader('Content-Type', 'multipart/form-data; boundary=mine')
        request.send(form)
        return request
      `
      expect(answer).toEqual(
        refused(400, 'BOUNDARY_MISMATCH', {
          detail: 'declares the boundary "mine" but the body uses "BOUNDARY"',
        }),
      )
    })
  })
})
