/** Typed forms over sockets. The rules themselves are tested in test/validation. */
import type { FormOptions } from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { field, file, type Sent } from '../adapters/client.js'
import { frameworks } from '../adapters/frameworks.js'
import {
  asMultipart,
  blob,
  bothKinds,
  json,
  mounts,
  multipart,
  serve,
  typedField,
  urlencoded,
} from './app.js'

const cases = frameworks.flatMap((framework) =>
  mounts.map(([above, mount]) => [framework.name, above, { framework, mount }] as const),
)

describe.each(cases)('%s below %s', (_name, _above, { framework, mount }) => {
  const serving = (schema: z.ZodType, options?: FormOptions) =>
    serve(framework, ({ form }) => form(schema, options), {
      ...(mount !== undefined && { mount }),
    })
  const bodyOf = (schema: z.ZodType) =>
    serve(framework, ({ body }) => body(schema), mount === undefined ? {} : { mount })

  test('a part that is not text and has no file name is a file for z.file(), and no text for z.string()', async () => {
    const send = await serving(z.object({ avatar: z.file().mime('image/jpeg').max(5) }))
    const jpeg = (content: string) => multipart([typedField('avatar', 'image/jpeg'), content])
    const shown = { field: 'avatar', name: 'blob', originalName: '', type: 'image/jpeg', size: 4 }
    expect((await send(jpeg('JPEG'))).json).toEqual({ data: { avatar: shown }, files: { avatar: [shown] } })
    const wrong = await send(multipart([typedField('avatar', 'application/octet-stream'), 'x']))
    expect(wrong.json).toMatchObject({ status: 422, errors: [{ path: 'avatar' }] })
    const text = await serving(z.object({ avatar: z.string() }))
    expect((await text(jpeg('JPEG'))).json).toMatchObject({
      status: 422,
      errors: [{ path: 'avatar', message: 'Invalid input: expected string, received UploadedFile' }],
    })
  })

  test('both kinds of form give the same typed values', async () => {
    const send = await serving(
      z.object({
        name: z.string(),
        age: z.number(),
        big: z.bigint().transform(String),
        born: z.date(),
        agree: z.boolean(),
        color: z.enum(['red', 'blue']),
        tags: z.array(z.string()),
        picks: z.set(z.number()).transform((set) => [...set]),
      }),
    )
    const sent =
      'name=Ann&age=42&big=12345678901234567890&born=2000-02-29&agree=on&color=red&tags=a&tags=b&picks=1&picks=2'
    for (const each of bothKinds(sent)) {
      const { status, json } = await send(each)
      expect(status).toBe(200)
      expect(json).toEqual({
        data: {
          name: 'Ann',
          age: 42,
          big: '12345678901234567890',
          born: '2000-02-29T00:00:00.000Z',
          agree: true,
          color: 'red',
          tags: ['a', 'b'],
          picks: [1, 2],
        },
        files: {},
      })
    }
  })

  test('JSON is never coerced', async () => {
    const send = await bodyOf(z.object({ age: z.number(), agree: z.boolean(), tags: z.array(z.string()) }))
    const fits = { age: 42, agree: true, tags: ['a'] }
    expect((await send(json(fits))).json.data).toEqual(fits)
    const { status, json: problem } = await send(json({ age: '42', agree: 'on', tags: 'a' }))
    expect(status).toBe(422)
    expect(problem.errors.map(({ path }: { path: string }) => path)).toEqual(['age', 'agree', 'tags'])
    expect((await send(urlencoded('age=42&agree=on&tags=a'))).json.data).toEqual(fits)
  })

  test('both sides of an intersection are one form, with the files of either', async () => {
    const kind = z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('photos'), photos: z.array(z.file().max(100)), ids: z.array(z.number()) }),
      z.object({ kind: z.literal('note'), note: z.string(), age: z.number().optional() }),
    ])
    const send = await serving(z.object({ name: z.string(), agree: z.boolean() }).and(kind))
    const fields: [string, string][] = [
      [field('name'), 'Ann'],
      [field('agree'), 'false'],
      [field('agree'), 'on'],
      [field('kind'), 'photos'],
      [field('ids'), '1'],
      [field('ids'), '2'],
    ]
    const photos: [string, string][] = [
      [file('photos', 'a.png', 'image/png'), 'aaa'],
      [file('photos', 'b.png', 'image/png'), 'bb'],
    ]
    const { status, json } = await send(multipart(...fields, ...photos))
    expect(status).toBe(200)
    expect(json.data).toMatchObject({ name: 'Ann', agree: true, kind: 'photos', ids: [1, 2] })
    expect(json.data.photos).toMatchObject([
      { name: 'a.png', size: 3 },
      { name: 'b.png', size: 2 },
    ])
    expect(json.files.photos).toHaveLength(2)
    for (const each of bothKinds('name=Ann&kind=note&note=x&age='))
      expect((await send(each)).json.data).toEqual({ name: 'Ann', agree: false, kind: 'note', note: 'x' })
    const tooLarge: [string, string] = [file('photos', 'c.png', 'image/png'), 'c'.repeat(101)]
    expect((await send(multipart(...fields, tooLarge))).status).not.toBe(200)
  })

  test('a checkbox tells the options of a union apart', async () => {
    const send = await serving(
      z.discriminatedUnion('company', [
        z.object({ company: z.literal(false), email: z.email() }),
        z.object({ company: z.literal(true), email: z.email(), vat: z.string() }),
      ]),
    )
    const person = { company: false, email: 'a@b.co' }
    const company = { company: true, email: 'a@b.co', vat: 'X1' }
    for (const [sent, data] of [
      ['email=a@b.co', person],
      ['email=a@b.co&company=', person],
      ['email=a@b.co&company=false', person],
      ['email=a@b.co&company=on&vat=X1', company],
      ['email=a@b.co&company=false&company=on&vat=X1', company],
    ] as const)
      for (const each of bothKinds(sent)) expect((await send(each)).json.data).toEqual(data)
  })

  test('an issue has the index of the input that was sent, also behind inputs that were left empty', async () => {
    const send = await serving(z.object({ ids: z.array(z.number()), qty: z.array(z.number().nullable()) }))
    for (const sent of ['ids=&ids=2&qty=1&qty=&qty=3', 'ids[0]=&ids[1]=2&qty[0]=1&qty[1]=&qty[2]=3']) {
      for (const each of bothKinds(sent))
        expect((await send(each)).json.data).toEqual({ ids: [2], qty: [1, null, 3] })
    }
    for (const sent of ['ids=1&ids=&ids=x', 'ids[0]=1&ids[1]=&ids[2]=x']) {
      for (const each of bothKinds(sent)) {
        const { status, json: problem } = await send(each)
        expect(status).toBe(422)
        expect(problem.errors).toMatchObject([{ path: 'ids[2]' }])
      }
    }
  })

  test('a name with a key where a list has items is reported', async () => {
    const send = await serving(z.object({ items: z.array(z.object({ title: z.string() })) }))
    for (const each of bothKinds('items[title]=lamp')) {
      const { status, json: problem } = await send(each)
      expect(status).toBe(422)
      expect(problem.errors).toMatchObject([{ path: 'items', code: 'invalid_type' }])
    }
    for (const each of bothKinds('items[1712345678901].title=lamp')) {
      const { status, json: problem } = await send(each)
      expect(status).toBe(413)
      expect(problem).toMatchObject({ code: 'LIMIT_NESTING', field: 'items[1712345678901].title' })
      expect(problem.hint).toContain('Number the items of a list from 0')
    }
  })

  test('a list can be cleared, and the text null sets null', async () => {
    const send = await serving(
      z.object({
        ids: z.array(z.number()).optional(),
        photo: z.file().nullable().optional(),
        address: z.object({ city: z.string() }).nullable().optional(),
      }),
    )
    for (const each of bothKinds('ids=&photo=null&address=null'))
      expect((await send(each)).json.data).toEqual({ ids: [], photo: null, address: null })
    for (const each of bothKinds('other=x')) expect((await send(each)).json.data).toEqual({})
  })

  test('names with a path build objects and lists', async () => {
    const send = await serving(
      z.object({
        owner: z.object({ name: z.string(), address: z.object({ city: z.string() }) }),
        items: z.array(z.object({ title: z.string(), price: z.number() })),
        'flat.key': z.string(),
      }),
    )
    const data = {
      owner: { name: 'Ann', address: { city: 'Köln' } },
      items: [
        { title: 'lamp', price: 1.5 },
        { title: 'desk', price: 20 },
      ],
      'flat.key': 'x',
    }
    for (const body of [
      'owner.name=Ann&owner.address.city=K%C3%B6ln&items[0].title=lamp&items[0].price=1.5&items[1].title=desk&items[1].price=20&flat.key=x',
      'owner[name]=Ann&owner[address][city]=K%C3%B6ln&items[][title]=lamp&items[][price]=1.5&items[][title]=desk&items[][price]=20&flat.key=x',
      'owner.name=Ann&owner[address].city=K%C3%B6ln&items.1.title=desk&items.1.price=20&items.0.title=lamp&items.0.price=1.5&flat.key=x',
    ]) {
      for (const sent of bothKinds(body)) expect((await send(sent)).json.data).toEqual(data)
    }
  })

  test('the schema decides whether a name is a value or a list, however often it is sent', async () => {
    const send = await serving(z.object({ one: z.string(), many: z.array(z.string()) }))
    for (const [body, many] of [
      ['one=a', []],
      ['one=a&many=x', ['x']],
      ['one=a&many=x&many=y', ['x', 'y']],
      ['one=a&many[]=x', ['x']],
    ] as const) {
      for (const sent of bothKinds(body)) expect((await send(sent)).json.data).toEqual({ one: 'a', many })
    }
    const twice = await send(urlencoded('one=a&one=b'))
    expect(twice.json.errors).toMatchObject([{ path: 'one', code: 'invalid_type' }])
  })

  test('an empty text means no value where the schema expects no text', async () => {
    const send = await serving(
      z.object({
        text: z.string(),
        note: z.string().optional(),
        email: z.email().optional(),
        age: z.number().optional(),
        size: z.number().nullable(),
        ids: z.array(z.number()),
        born: z.date().default(new Date(0)),
      }),
    )
    for (const sent of bothKinds('text=&note=&email=&age=&size=&ids=&born=')) {
      expect((await send(sent)).json.data).toEqual({
        text: '',
        note: '',
        size: null,
        ids: [],
        born: '1970-01-01T00:00:00.000Z',
      })
    }
  })

  test('emptyText: keep passes empty texts to the schema', async () => {
    const send = await serving(z.object({ age: z.number().optional() }), { emptyText: 'keep' })
    for (const sent of bothKinds('age=')) expect((await send(sent)).status).toBe(422)
  })

  test('an unchecked checkbox is false', async () => {
    const send = await serving(z.object({ agree: z.boolean(), news: z.boolean().optional() }))
    for (const [body, data] of [
      ['', { agree: false }],
      ['agree=on', { agree: true }],
      ['agree=off&agree=on&news=1', { agree: true, news: true }],
      ['agree=off', { agree: false }],
    ] as const) {
      for (const sent of bothKinds(body)) expect((await send(sent)).json.data).toEqual(data)
    }
  })

  test('a file input without a chosen file gives no file', async () => {
    const send = await serving(
      z.object({ name: z.string(), photo: z.file().optional(), others: z.array(z.file()) }),
    )
    const empty: Sent = multipart(
      [field('name'), 'Ann'],
      [file('photo', '', 'application/octet-stream'), ''],
      [file('others', '', 'application/octet-stream'), ''],
    )
    expect((await send(empty)).json).toEqual({ data: { name: 'Ann', others: [] }, files: {} })
    const required = await serving(z.object({ photo: z.file() }))
    const { status, json } = await required(multipart([file('photo', ''), '']))
    expect(status).toBe(422)
    expect(json.errors).toMatchObject([{ path: 'photo' }])
  })

  test('data holds fields and files, and files holds lists of files', async () => {
    const send = await serving(
      z.object({
        name: z.string(),
        photo: z.file(),
        pages: z.array(z.file()),
        items: z.array(z.object({ scan: z.file(), n: z.number() })),
      }),
    )
    const { status, json } = await send(
      multipart(
        [file('photo', 'p.png', 'image/png'), 'png'],
        [file('pages', '1.txt'), 'one'],
        [file('items[0].scan', 's.txt'), 'scan'],
        [file('pages', '2.txt'), 'two'],
        [field('items[0].n'), '7'],
        [field('name'), 'Ann'],
      ),
    )
    expect(status).toBe(200)
    expect(json.data).toMatchObject({
      name: 'Ann',
      photo: { field: 'photo', name: 'p.png', type: 'image/png', size: 3 },
      pages: [{ name: '1.txt' }, { name: '2.txt' }],
      items: [{ scan: { name: 's.txt', field: 'items[0].scan' }, n: 7 }],
    })
    expect(Object.keys(json.files)).toEqual(['photo', 'pages', 'items[0].scan'])
  })

  test('a JSON part is a value and is not coerced', async () => {
    const Item = z.object({ title: z.string(), price: z.number() })
    const send = await serving(
      z.object({
        item: Item,
        list: z.array(z.number()),
        word: z.string().optional(),
        n: z.number().optional(),
      }),
    )
    const good: Sent = multipart(
      [typedField('item', 'application/json'), '{"title":"lamp","price":2}'],
      [typedField('list', 'application/json; charset=utf-8'), '[1,2]'],
      [typedField('word', 'application/json'), '"quoted"'],
      [typedField('n', 'application/json'), '3'],
    )
    expect((await send(good)).json.data).toEqual({
      item: { title: 'lamp', price: 2 },
      list: [1, 2],
      word: 'quoted',
      n: 3,
    })
    const { status, json } = await send(
      multipart(
        [typedField('item', 'application/json'), '{"title":"lamp","price":"2"}'],
        [typedField('n', 'application/json'), '"3"'],
      ),
    )
    expect(status).toBe(422)
    expect(json.errors.map(({ path }: { path: string }) => path)).toEqual(['item.price', 'n'])
  })

  test('a Blob of JSON, which browsers call "blob", is a value where the schema expects one', async () => {
    const send = await serving(
      z.object({ item: z.object({ price: z.number() }), receipt: z.file().optional() }),
    )
    const { status, json } = await send(
      multipart([blob('item', 'application/json'), '{"price":2}'], [file('receipt', 'r.txt'), 'paid']),
    )
    expect(status).toBe(200)
    expect(json.data).toMatchObject({ item: { price: 2 }, receipt: { name: 'r.txt' } })
    expect(Object.keys(json.files)).toEqual(['receipt'])
    const broken = await send(multipart([blob('item', 'application/json'), '{"price":']))
    expect(broken.json).toMatchObject({ status: 400, code: 'MALFORMED_JSON', field: 'item' })
  })

  test('Blobs of JSON count as fields, all of them together too, also below an eager multipart()', async () => {
    const send = await serving(z.object({ a: z.array(z.string()) }))
    const text = JSON.stringify('x'.repeat(1024 * 1024 - 100))
    const parts = Array.from({ length: 11 }, () => [blob('a', 'application/json'), text] as const)
    expect((await send(multipart(...parts.slice(0, 2)))).status).toBe(200)
    const { json } = await send(multipart(...parts))
    expect(json).toMatchObject({ status: 413, code: 'LIMIT_FIELD_SIZE', limit: 10 * 1024 * 1024 })
  })

  test('a Blob of JSON is a file where the schema expects a file', async () => {
    const send = await serving(z.object({ config: z.file() }))
    const { json } = await send(multipart([blob('config', 'application/json'), '{}']))
    expect(json.data.config).toMatchObject({ name: 'blob', type: 'application/json', size: 2 })
  })

  test('JSON in a text field is parsed only where the schema expects an object or a list', async () => {
    const send = await serving(z.object({ item: z.object({ a: z.number() }), text: z.string() }))
    for (const sent of [
      urlencoded(new URLSearchParams({ item: '{"a":1}', text: '{"a":1}' }).toString()),
      multipart([field('item'), '{"a":1}'], [field('text'), '{"a":1}']),
    ]) {
      expect((await send(sent)).json.data).toEqual({ item: { a: 1 }, text: '{"a":1}' })
    }
  })

  test('names of inherited properties are ordinary names', async () => {
    const send = await serving(
      z.object({ a: z.record(z.string(), z.any()), b: z.looseObject({}), constructor: z.string() } as never),
    )
    for (const sent of [
      'constructor=x&a.__proto__.polluted=1&a[__proto__][polluted]=1&b.__proto__.polluted=1&__proto__.polluted=1',
      'constructor=x&a[constructor][prototype][polluted]=1&b[constructor].prototype.polluted=1&__proto__=1',
    ].flatMap(bothKinds)) {
      const { status, json } = await send(sent)
      expect(status).toBe(200)
      expect(json.data.constructor).toBe('x')
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    }
  })

  test.each([
    ['an index that is too high', 'a[999999999]=x', 'a[999999999]'],
    ['a list with gaps', 'a[0]=x&a[2]=y', 'a[0]'],
    ['50 levels', `c${'.c'.repeat(49)}.n=1`, `c${'.c'.repeat(49)}.n`],
    ['50 levels in brackets', `c${'[c]'.repeat(49)}[n]=1`, `c${'[c]'.repeat(49)}[n]`],
  ])('%s is refused at once', async (_, body, name) => {
    const Tree = z.object({
      n: z.number().optional(),
      a: z.array(z.string()),
      get c() {
        return Tree.optional()
      },
    })
    const send = await serving(Tree)
    for (const sent of bothKinds(body)) {
      const started = process.cpuUsage()
      const { status, json } = await send(sent)
      expect({ status, json }).toMatchObject({
        status: 413,
        json: { code: 'LIMIT_NESTING', field: name, detail: expect.any(String), limit: expect.any(Number) },
      })
      expect(millisecondsSince(started)).toBeLessThan(1000)
    }
  })

  test('the largest admitted form is read in bounded time', async () => {
    const send = await serving(
      z.strictObject({ a: z.array(z.object({ b: z.array(z.number()), c: z.boolean() })) }),
    )
    const body = Array.from({ length: 1000 }, (_, at) => `a[${at}].b=${at}`).join('&')
    const started = process.cpuUsage()
    for (const sent of bothKinds(body)) expect((await send(sent)).json.data.a).toHaveLength(1000)
    const unknown = Array.from({ length: 1000 }, (_, at) => `${'.['.repeat(90)}${at}=x`).join('&')
    for (const sent of bothKinds(unknown)) expect((await send(sent)).status).toBe(422)
    expect(millisecondsSince(started)).toBeLessThan(4000)
  })

  test('fields may come in any order and charset', async () => {
    const send = await serving(z.object({ a: z.string(), b: z.number() }))
    expect((await send(asMultipart('b=1&a=K%C3%B6ln'))).json.data).toEqual({ a: 'Köln', b: 1 })
    const latin: Sent = { type: 'application/x-www-form-urlencoded; charset=latin1', body: 'b=1&a=K%F6ln' }
    expect((await send(latin)).json.data).toEqual({ a: 'Köln', b: 1 })
  })
})

/** Milliseconds of processor time of this process. */
function millisecondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}
