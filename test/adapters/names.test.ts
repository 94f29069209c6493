import { FormParser, JSONParser, MultiPartParser } from '@formgate/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, field, file, form, multipartX, type Sent } from './client.js'
import { frameworks, type App, type Handling } from './frameworks.js'

const names = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'prototype',
  'valueOf',
  'then',
  'toJSON',
]

describe.each(frameworks)('$name', ({ start }) => {
  let app: App
  beforeAll(async () => {
    const look = ({ data, files }: Handling): unknown => {
      const own = data as Record<string, unknown>
      return {
        names: Object.getOwnPropertyNames(own),
        values: names.map((name) => (Object.hasOwn(own, name) ? own[name] : 'missing')),
        files: Object.getOwnPropertyNames(files),
        polluted: ({} as Record<string, unknown>)['polluted'] !== undefined,
        plain: Object.getPrototypeOf({}) === Object.prototype,
      }
    }
    app = await start({
      mount: { parsers: [JSONParser, FormParser, MultiPartParser] },
      routes: [{ path: '/', handler: look }],
    })
  })
  afterAll(() => app.close())

  const clean = { polluted: false, plain: true }

  test.each<[string, Sent]>([
    [
      'a URL-encoded form',
      { type: 'application/x-www-form-urlencoded', body: names.map((name) => `${name}=v`).join('&') },
    ],
    [
      'a multipart form',
      { type: multipartX, body: form('X', ...names.map((name) => [field(name), 'v'] as const)) },
    ],
  ])('names that objects inherit are ordinary names in %s', async (_, sent) => {
    const { json } = await exchange(app.port, sent)
    expect(json).toEqual({ names, values: names.map(() => 'v'), files: [], ...clean })
  })

  test('names that objects inherit are ordinary names for files', async () => {
    const body = form('X', ...names.map((name) => [file(name, 'a'), 'x'] as const))
    const { json } = await exchange(app.port, { type: multipartX, body })
    expect(json).toMatchObject({ names, files: names, ...clean })
  })

  test('names that objects inherit are ordinary names in JSON, except __proto__', async () => {
    const others = names.slice(1)
    const body = JSON.stringify(Object.fromEntries(others.map((name) => [name, 'v'])))
    const { json } = await exchange(app.port, { type: 'application/json', body })
    expect(json).toMatchObject({ names: others, ...clean })
    for (const key of ['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}']) {
      const answer = await exchange(app.port, { type: 'application/json', body: key })
      expect(answer.json).toMatchObject({ status: 400, code: 'MALFORMED_JSON' })
    }
  })

  test.each<[string, Sent]>([
    [
      'a URL-encoded form',
      {
        type: 'application/x-www-form-urlencoded',
        body: '__proto__[polluted]=1&constructor.prototype.polluted=1&__proto__=1&__proto__=2',
      },
    ],
    [
      'a multipart form',
      {
        type: multipartX,
        body: form(
          'X',
          [field('__proto__[polluted]'), '1'],
          [field('__proto__'), '1'],
          [field('__proto__'), '2'],
        ),
      },
    ],
    [
      'a JSON part',
      {
        type: multipartX,
        body: form('X', [`${field('__proto__')}\r\nContent-Type: application/json`, '{"polluted":1}']),
      },
    ],
  ])('%s reaches no prototype', async (_, sent) => {
    const { status, json } = await exchange(app.port, sent)
    expect(status).toBe(200)
    expect(json).toMatchObject(clean)
    expect(json.names).toContain('__proto__')
  })
})
