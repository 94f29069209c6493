/** The app as its clients meet it, with supertest: valid and invalid bodies of every kind. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from './app.js'

/** A picture of one pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

let uploads: string
let app: ReturnType<typeof createApp>

beforeEach(async () => {
  uploads = await mkdtemp(join(tmpdir(), 'formgate-express-app-'))
  app = createApp(uploads)
})
afterEach(() => rm(uploads, { recursive: true }))

describe('POST /sign-up', () => {
  const signUp = () => request(app).post('/sign-up').field({ username: 'ada', newsletter: 'on' })

  test('stores the picture under a generated name', async () => {
    const response = await signUp().field('age', '36').attach('avatar', png, '../../me.php.png')
    expect(response.status).toBe(201)
    const { picture } = response.body
    expect(picture).toMatch(/^[\da-f-]{36}\.png$/)
    expect(response.body).toEqual({ username: 'ada', age: 36, newsletter: true, picture })
    expect(await readFile(join(uploads, picture))).toEqual(png)
  })

  test('takes the extension from the bytes, not from the name', async () => {
    const avatar = { filename: 'me.html', contentType: 'image/png' }
    const response = await signUp().attach('avatar', png, avatar)
    expect(response.body.picture).toMatch(/\.png$/)
  })

  test('answers every invalid field with its path', async () => {
    const form = { username: 'a', age: 'old', newsletter: 'on' }
    const response = await request(app).post('/sign-up').field(form).attach('avatar', png, 'me.png')
    expect(response.status).toBe(422)
    expect(response.type).toBe('application/problem+json')
    expect(response.body).toMatchObject({
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
    const response = await signUp().attach('avatar', large, 'me.png')
    expect(response.status).toBe(413)
    expect(response.body).toMatchObject({ code: 'LIMIT_FILE_SIZE', field: 'avatar', limit: 200_000 })
    expect(await readdir(uploads)).toEqual([])
  })

  test('takes a picture of 200,000 bytes', async () => {
    const large = Buffer.concat([png, Buffer.alloc(200_000 - png.length)])
    const response = await signUp().attach('avatar', large, 'me.png')
    expect(response.status).toBe(201)
  })

  test('refuses a second picture', async () => {
    const response = await signUp().attach('avatar', png, 'me.png').attach('avatar', png, 'you.png')
    expect(response.status).toBe(413)
    expect(response.body).toMatchObject({ code: 'LIMIT_FILES', limit: 1 })
  })

  test('refuses a file that is not a picture, whatever its name', async () => {
    const script = Buffer.from('<script>alert(1)</script>')
    const response = await signUp().attach('avatar', script, 'me.png')
    expect(response.status).toBe(422)
    expect(response.body.errors).toMatchObject([{ path: 'avatar' }])
    expect(await readdir(uploads)).toEqual([])
  })

  test('refuses a picture that is declared as something else', async () => {
    const response = await signUp().attach('avatar', png, 'me.pdf')
    expect(response.status).toBe(422)
    expect(response.body.errors).toMatchObject([
      { path: 'avatar', message: 'Invalid file type: expected image/png or image/jpeg' },
      { path: 'avatar' },
    ])
  })

  test('tells a client that has set the Content-Type by hand to leave it out', async () => {
    const response = await request(app)
      .post('/sign-up')
      .set('Content-Type', 'multipart/form-data')
      .send('--X\r\nContent-Disposition: form-data; name="username"\r\n\r\nada\r\n--X--\r\n')
    expect(response.status).toBe(400)
    expect(response.body.code).toBe('MISSING_BOUNDARY')
    expect(response.body.hint).toMatch(/^Remove the Content-Type header that was set by hand/)
  })

  test('refuses a body that is not a form', async () => {
    const response = await request(app).post('/sign-up').send({ username: 'ada' })
    expect(response.status).toBe(415)
    expect(response.body.code).toBe('UNSUPPORTED_MEDIA_TYPE')
  })
})

describe('PUT /backups/:filename', () => {
  test('stores the body unchanged, and returns its hash', async () => {
    const response = await request(app).put('/backups/data.db').type('application/vnd.sqlite3').send(png)
    expect(response.status).toBe(201)
    const { id } = response.body
    const sha256 = '6b7fa434f92a8b80aab02d9bf1a12e49ffcae424e4013a1c4f68b67e3d2bbcd0'
    expect(response.body).toEqual({ name: 'data.db', size: png.length, sha256, id })
    expect(await readFile(join(uploads, id))).toEqual(png)
  })

  test('never writes outside its directory', async () => {
    const response = await request(app).put('/backups/..%2f..%2fdata.db').send(png)
    expect(response.status).toBe(201)
    expect(response.body.name).toBe('data.db')
    expect(await readdir(uploads)).toEqual([response.body.id])
  })

  test('refuses a form around the file, an empty body, and more than 1 MB', async () => {
    const backup = () => request(app).put('/backups/data.db')
    expect((await backup().attach('file', png, 'data.db')).body.code).toBe('UNSUPPORTED_MEDIA_TYPE')
    expect((await backup()).body).toMatchObject({ code: 'FILE_REFUSED', detail: 'The body is empty.' })
    expect((await backup().send(Buffer.alloc(1_000_001))).status).toBe(413)
    expect(await readdir(uploads)).toEqual([])
  })
})

describe('POST /contacts', () => {
  const post = (csv: string) => request(app).post('/contacts').type('text/csv').send(csv)

  test('reads CSV', async () => {
    const response = await post('name,email\r\nAda,ada@example.org\r\nGrace,grace@example.org\r\n')
    expect(response.status).toBe(201)
    expect(response.body).toEqual({ imported: 2 })
  })

  test('names the line that it cannot read', async () => {
    const response = await post('name,email\nAda,ada@example.org\nGrace\n')
    expect(response.status).toBe(400)
    expect(response.body.detail).toBe('Line 3 does not have 2 unquoted cells.')
  })

  test('names the cell that is not valid', async () => {
    const response = await post('name,email\nAda,ada\n')
    expect(response.status).toBe(422)
    expect(response.body.errors).toMatchObject([{ path: '[0].email', message: 'Invalid email address' }])
  })

  test('refuses other media types, and says what it accepts', async () => {
    const response = await request(app).post('/contacts').send('name=Ada')
    expect(response.status).toBe(415)
    expect(response.body.hint).toBe('This route takes text/csv.')
  })
})

describe('POST /quotes', () => {
  test('adds up a list', async () => {
    const items = [
      { price: 2.5, count: 2 },
      { price: 1, count: 3 },
    ]
    const response = await request(app).post('/quotes').send({ items })
    expect(response.status).toBe(200)
    expect(response.body).toEqual({ total: 8 })
  })

  test('refuses a text in place of a number', async () => {
    const response = await request(app)
      .post('/quotes')
      .send({ items: [{ price: '2.5', count: 2 }] })
    expect(response.status).toBe(422)
    expect(response.body.errors).toMatchObject([{ path: 'items[0].price' }])
  })

  test('says where JSON is broken', async () => {
    const response = await request(app).post('/quotes').type('json').send('{"items": [')
    expect(response.status).toBe(400)
    expect(response.body.code).toBe('MALFORMED_JSON')
    expect(response.body.detail).toMatch(/at line 1 column 12/)
  })

  test('refuses a form, and more than 64 KiB', async () => {
    expect((await request(app).post('/quotes').send('total=8')).status).toBe(415)
    const note = 'a'.repeat(64 * 1024)
    expect((await request(app).post('/quotes').send({ items: [], note })).status).toBe(413)
  })
})
