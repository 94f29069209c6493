/** The app as its clients meet it, with app.inject: valid and invalid bodies of every kind. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from './app.js'

/** A picture of one pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

let uploads: string
let app: Awaited<ReturnType<typeof createApp>>

beforeEach(async () => {
  uploads = await mkdtemp(join(tmpdir(), 'formgate-fastify-app-'))
  app = await createApp(uploads)
})
afterEach(async () => {
  await app.close()
  await rm(uploads, { recursive: true })
})

describe('POST /sign-up', () => {
  const picture = (name: string, bytes = png, type = 'image/png') => new File([bytes], name, { type })
  const signUp = (avatar: File, fields: Record<string, string> = {}) => {
    const form = new FormData()
    const all = { username: 'ada', newsletter: 'on', ...fields }
    for (const [name, value] of Object.entries(all)) form.append(name, value)
    form.append('avatar', avatar)
    return app.inject({ method: 'POST', url: '/sign-up', payload: form })
  }

  test('stores the picture under a generated name', async () => {
    const response = await signUp(picture('../../me.php.png'), { age: '36' })
    expect(response.statusCode).toBe(201)
    const { picture: name } = response.json()
    expect(name).toMatch(/^[\da-f-]{36}\.png$/)
    expect(response.json()).toEqual({ username: 'ada', age: 36, newsletter: true, picture: name })
    expect(await readFile(join(uploads, name))).toEqual(png)
  })

  test('takes the extension from the bytes, not from the name', async () => {
    const response = await signUp(picture('me.html'))
    expect(response.json().picture).toMatch(/\.png$/)
  })

  test('answers every invalid field with its path', async () => {
    const response = await signUp(picture('me.png'), { username: 'a', age: 'old' })
    expect(response.statusCode).toBe(422)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(response.json()).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [
        { path: 'username', message: 'Use 3 to 20 letters, digits or underscores' },
        { path: 'age', code: 'invalid_type' },
      ],
    })
    expect(await readdir(uploads)).toEqual([])
  })

  test('refuses a picture of more than 200,000 bytes', async () => {
    const large = Buffer.concat([png, Buffer.alloc(200_001 - png.length)])
    const response = await signUp(picture('me.png', large))
    expect(response.statusCode).toBe(413)
    expect(response.json()).toMatchObject({ code: 'LIMIT_FILE_SIZE', field: 'avatar', limit: 200_000 })
    expect(await readdir(uploads)).toEqual([])
  })

  test('takes a picture of 200,000 bytes', async () => {
    const large = Buffer.concat([png, Buffer.alloc(200_000 - png.length)])
    const response = await signUp(picture('me.png', large))
    expect(response.statusCode).toBe(201)
  })

  test('refuses a second picture', async () => {
    const form = new FormData()
    form.append('avatar', picture('me.png'))
    form.append('avatar', picture('you.png'))
    const response = await app.inject({ method: 'POST', url: '/sign-up', payload: form })
    expect(response.statusCode).toBe(413)
    expect(response.json()).toMatchObject({ code: 'LIMIT_FILES', limit: 1 })
  })

  test('refuses a file that is not a picture, whatever its name', async () => {
    const response = await signUp(picture('me.png', Buffer.from('<script>alert(1)</script>')))
    expect(response.statusCode).toBe(422)
    expect(response.json().errors).toMatchObject([{ path: 'avatar' }])
    expect(await readdir(uploads)).toEqual([])
  })

  test('refuses a picture that is declared as something else', async () => {
    const response = await signUp(picture('me.pdf', png, 'application/pdf'))
    expect(response.statusCode).toBe(422)
    expect(response.json().errors).toMatchObject([
      { path: 'avatar', message: 'Invalid file type: expected image/png or image/jpeg' },
      { path: 'avatar' },
    ])
  })

  test('tells a client that has set the Content-Type by hand to leave it out', async () => {
    const response = await app.inject({
      method: 'POST',
      url: '/sign-up',
      headers: { 'content-type': 'multipart/form-data' },
      payload: '--X\r\nContent-Disposition: form-data; name="username"\r\n\r\nada\r\n--X--\r\n',
    })
    expect(response.statusCode).toBe(400)
    expect(response.json().code).toBe('MISSING_BOUNDARY')
    expect(response.json().hint).toMatch(/^Remove the Content-Type header that was set by hand/)
  })

  test('refuses a body that is not a form', async () => {
    const payload = { username: 'ada' }
    const response = await app.inject({ method: 'POST', url: '/sign-up', payload })
    expect(response.statusCode).toBe(415)
    expect(response.json().code).toBe('UNSUPPORTED_MEDIA_TYPE')
  })
})

describe('PUT /backups/:filename', () => {
  const put = (path: string, payload: Buffer | FormData, headers = {}) =>
    app.inject({ method: 'PUT', url: `/backups/${path}`, headers, payload })

  test('stores the body unchanged, and returns its hash', async () => {
    const response = await put('data.db', png, { 'content-type': 'application/vnd.sqlite3' })
    expect(response.statusCode).toBe(201)
    const { id } = response.json()
    const sha256 = '6b7fa434f92a8b80aab02d9bf1a12e49ffcae424e4013a1c4f68b67e3d2bbcd0'
    expect(response.json()).toEqual({ name: 'data.db', size: png.length, sha256, id })
    expect(await readFile(join(uploads, id))).toEqual(png)
  })

  test('never writes outside its directory', async () => {
    const response = await put('..%2f..%2fdata.db', png)
    expect(response.statusCode).toBe(201)
    expect(response.json().name).toBe('data.db')
    expect(await readdir(uploads)).toEqual([response.json().id])
  })

  test('refuses a form around the file, an empty body, and more than 1 MB', async () => {
    const form = new FormData()
    form.append('file', new File([png], 'data.db'))
    expect((await put('data.db', form)).json().code).toBe('UNSUPPORTED_MEDIA_TYPE')
    const empty = await put('data.db', Buffer.alloc(0))
    expect(empty.json()).toMatchObject({ code: 'FILE_REFUSED', detail: 'The body is empty.' })
    expect((await put('data.db', Buffer.alloc(1_000_001))).statusCode).toBe(413)
    expect(await readdir(uploads)).toEqual([])
  })
})

describe('POST /contacts', () => {
  const post = (payload: string, type = 'text/csv') =>
    app.inject({ method: 'POST', url: '/contacts', headers: { 'content-type': type }, payload })

  test('reads CSV', async () => {
    const response = await post('name,email\r\nAda,ada@example.org\r\nGrace,grace@example.org\r\n')
    expect(response.statusCode).toBe(201)
    expect(response.json()).toEqual({ imported: 2 })
  })

  test('names the line that it cannot read', async () => {
    const response = await post('name,email\nAda,ada@example.org\nGrace\n')
    expect(response.statusCode).toBe(400)
    expect(response.json().detail).toBe('Line 3 does not have 2 unquoted cells.')
  })

  test('names the cell that is not valid', async () => {
    const response = await post('name,email\nAda,ada\n')
    expect(response.statusCode).toBe(422)
    expect(response.json().errors).toMatchObject([{ path: '[0].email', message: 'Invalid email address' }])
  })

  test('refuses other media types, and says what it accepts', async () => {
    const response = await post('name=Ada', 'application/x-www-form-urlencoded')
    expect(response.statusCode).toBe(415)
    expect(response.json().hint).toBe('This route takes text/csv.')
  })
})

describe('POST /quotes', () => {
  const post = (payload: object | string, headers = {}) =>
    app.inject({ method: 'POST', url: '/quotes', headers, payload })

  test('adds up a list', async () => {
    const items = [
      { price: 2.5, count: 2 },
      { price: 1, count: 3 },
    ]
    const response = await post({ items })
    expect(response.statusCode).toBe(200)
    expect(response.json()).toEqual({ total: 8 })
  })

  test('refuses a text in place of a number', async () => {
    const response = await post({ items: [{ price: '2.5', count: 2 }] })
    expect(response.statusCode).toBe(422)
    expect(response.json().errors).toMatchObject([{ path: 'items[0].price' }])
  })

  test('says where JSON is broken', async () => {
    const response = await post('{"items": [', { 'content-type': 'application/json' })
    expect(response.statusCode).toBe(400)
    expect(response.json().code).toBe('MALFORMED_JSON')
    expect(response.json().detail).toMatch(/at line 1 column 12/)
  })

  test('refuses a form, and more than 64 KiB', async () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await post('total=8', type)).statusCode).toBe(415)
    const note = 'a'.repeat(64 * 1024)
    expect((await post({ items: [], note })).statusCode).toBe(413)
  })
})
