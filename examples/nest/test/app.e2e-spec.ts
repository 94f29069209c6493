/** The app as its clients meet it, with supertest. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { INestApplication } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import request from 'supertest'
import type { App } from 'supertest/types'
import { AppModule } from '../src/app.module'

/** A picture of one pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

describe('the app', () => {
  let app: INestApplication<App>
  let uploads: string

  beforeEach(async () => {
    uploads = process.env.UPLOADS = await mkdtemp(join(tmpdir(), 'formgate-nest-app-'))
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile()
    app = module.createNestApplication()
    await app.init()
  })

  afterEach(async () => {
    await app.close()
    await rm(uploads, { recursive: true })
  })

  it('stores the picture of a sign-up', async () => {
    const { status, body } = await request(app.getHttpServer())
      .post('/sign-up')
      .field({ username: 'ada', age: '36', newsletter: 'on' })
      .attach('avatar', png, 'me.png')
    expect([status, body]).toEqual([
      201,
      { username: 'ada', age: 36, newsletter: true, picture: expect.any(String) },
    ])
    expect(await readFile(join(uploads, body.picture))).toEqual(png)
  })

  it('says what is wrong with one, and stores nothing', async () => {
    const { status, type, body } = await request(app.getHttpServer())
      .post('/sign-up')
      .field({ username: 'a', newsletter: 'on' })
      .attach('avatar', Buffer.from('<svg>'), 'me.png')
    expect([status, type, body.code]).toEqual([422, 'application/problem+json', 'VALIDATION_FAILED'])
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual(['username', 'avatar'])
    expect(await readdir(uploads)).toEqual([])
  })

  it('takes backups as raw files, of those who may', async () => {
    const send = () => request(app.getHttpServer()).put('/backups/a.tar').type('application/x-tar')
    expect((await send().send(png)).status).toBe(403)
    expect(await readdir(uploads)).toEqual([])
    const { body } = await send().set('Authorization', 'Bearer open').send(png)
    expect(body).toEqual({ filename: 'a.tar', size: png.length, id: expect.any(String) })
    expect(await readFile(join(uploads, body.id))).toEqual(png)
  })
})
