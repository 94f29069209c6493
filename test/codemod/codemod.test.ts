import { migrate } from '@formgate/codemod'
import request, { type Test } from 'supertest'
import { describe, expect, test } from 'vitest'
import { apps, type App } from './apps.js'
import { readApp, start, writeApp } from './workplace.js'

const png = { filename: 'a.png', contentType: 'image/png' }
const text = { filename: 'ü.txt', contentType: 'text/plain' }
const bytes = Buffer.from('0123456789')

/** What the clients of an app send. */
const clients: Readonly<Record<keyof typeof apps, readonly ((app: any) => Test)[]>> = {
  multerHandlers: [
    (app) => request(app).post('/photo').field('title', 'Bridge').attach('photo', bytes, png),
    (app) => request(app).post('/photo').field('title', 'Bridge').attach('photo', bytes, text),
    (app) => request(app).post('/photo').set('X-Strict', 'yes').attach('photo', bytes, text),
    (app) => request(app).post('/photo').attach('photo', Buffer.alloc(3000), png),
    (app) => request(app).post('/photos').attach('photos', bytes, png).attach('photos', bytes, png),
    (app) => request(app).post('/photos').field('title', 'None'),
    (app) =>
      request(app)
        .post('/profile')
        .field('tags[]', 'x')
        .attach('photo', bytes, png)
        .attach('more', bytes, png),
    (app) => request(app).post('/fields').field('a', '1'),
    (app) => request(app).post('/fields').send({ a: 2 }),
  ],
  multerInMemory: [
    (app) => request(app).put('/wrapped').field('a[b]', '1').attach('doc', bytes, text),
    (app) => request(app).put('/wrapped').attach('doc', Buffer.alloc(2000), text),
    (app) => request(app).put('/wrapped').attach('doc', bytes, png),
    (app) => request(app).post('/route').attach('doc', bytes, png).attach('other', bytes, text),
  ],
  koaMulter: [
    (app) => request(app).post('/one').field('title', 'Bridge').attach('photo', bytes, png),
    (app) => request(app).post('/many').attach('photos', bytes, text),
  ],
  koaBody: [
    (app) => request(app).post('/').field('title', 'Bridge').attach('photo', bytes, png),
    (app) => request(app).post('/').attach('more', bytes, text).attach('more', bytes, png),
    (app) => request(app).post('/').send({ title: 'JSON' }),
    (app) => request(app).post('/').type('form').send('title=Form'),
  ],
  fastifyMultipart: [
    (app) => request(app).post('/one').field('title', 'Bridge').attach('photo', bytes, png),
    (app) => request(app).post('/many').field('title', 'Bridge').attach('photo', bytes, png),
    (app) => request(app).post('/many').send({ title: 'JSON' }),
    (app) => request(app).post('/files').attach('a', bytes, png).attach('b', bytes, text),
    (app) => request(app).post('/saved').attach('a', bytes, png),
  ],
  multerTyped: [
    (app) => request(app).post('/photo').field('title', 'Bridge').attach('photo', bytes, png),
    (app) => request(app).post('/photo').field('title', 'Bridge'),
    (app) => request(app).post('/photos').set('X-All', 'yes').attach('photos', bytes, text),
  ],
}

describe.each(Object.entries(apps))('%s', (name, { before, after }: App) => {
  const main = Object.keys(before).find((each) => each.startsWith('app.'))!
  const send = clients[name as keyof typeof apps]

  test('becomes what a person would write', () => {
    const folder = writeApp(before)
    migrate(folder)
    expect(readApp(folder, Object.keys(after))).toEqual(after)
  })

  test('answers its clients as before', async () => {
    const answers = []
    for (const change of [() => undefined, migrate]) {
      const folder = writeApp(before)
      change(folder)
      const started = start(folder, main)
      const app = started.constructor.name === 'AsyncFunction' ? await started() : started
      const list = []
      for (const each of send) {
        const { status, body } = await each(app)
        list.push({ status, body })
      }
      answers.push(list)
    }
    const [old, now] = answers
    expect(now).toEqual(old)
  })
})
