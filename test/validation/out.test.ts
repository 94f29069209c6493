/** The type that a handler sees. */
import { describe, expect, expectTypeOf, it } from 'vitest'
import { type } from 'arktype'
import * as v from 'valibot'
import * as z from 'zod'
import * as mini from 'zod/mini'
import * as middle from 'zod-4-4'
import * as oldest from 'zod-4-1'
import { UploadedFile } from '../../packages/core/src/files/uploaded-file.js'
import { accept } from '../../packages/core/src/checks/accept.js'
import type { Out } from '../../packages/core/src/schema/schema-output.js'
import { validate } from '../../packages/core/src/schema/validate.js'
import { sniff } from '../../packages/core/src/checks/sniff.js'

class Account {
  #secret = 1
  get secret() {
    return this.#secret
  }
}

interface Tree {
  name: string
  children: Tree[]
}

describe('the type of a form', () => {
  it('is the output of the schema with uploaded files', () => {
    const User = z.object({
      username: z.string(),
      age: z.number().optional(),
      born: z.date(),
      image: z.file().max(5).mime(['image/png']),
    })
    expectTypeOf<Out<typeof User>>().toEqualTypeOf<{
      username: string
      age?: number | undefined
      born: Date
      image: UploadedFile
    }>()
    expectTypeOf<Out<typeof User>['image']['path']>().toEqualTypeOf<string | undefined>()
  })

  it('has files in lists, options, groups, records, maps and sets', () => {
    const Form = z.object({
      list: z.array(z.file()),
      maybe: z.file().optional(),
      none: z.file().nullable(),
      group: z.object({ file: z.file() }),
      items: z.array(z.object({ price: z.number(), photo: z.file() })),
      record: z.record(z.string(), z.file()),
      map: z.map(z.string(), z.file()),
      set: z.set(z.file()),
      tuple: z.tuple([z.string(), z.file()]),
      either: z.union([z.string(), z.file()]),
    })
    expectTypeOf<Out<typeof Form>>().toEqualTypeOf<{
      list: UploadedFile[]
      maybe?: UploadedFile | undefined
      none: UploadedFile | null
      group: { file: UploadedFile }
      items: { price: number; photo: UploadedFile }[]
      record: Record<string, UploadedFile>
      map: Map<string, UploadedFile>
      set: Set<UploadedFile>
      tuple: [string, UploadedFile]
      either: string | UploadedFile
    }>()
  })

  it('has files behind everything that passes them on', () => {
    const Form = z.looseObject({
      refined: z.file().refine((file) => file.size > 0),
      readonly: z.array(z.file()).readonly(),
      lazy: z.lazy(() => z.file()),
      custom: z.instanceof(File),
      piped: z.file().pipe(z.file()),
      cleaned: z.preprocess((value) => value, z.file().optional()),
      required: z.nonoptional(z.file().optional()),
      both: z.object({ a: z.file() }).and(z.object({ b: z.file() })),
      some: z.partialRecord(z.enum(['a', 'b']), z.file()),
      more: z.tuple([z.string()], z.file()),
      variant: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('a'), file: z.file() }),
        z.object({ kind: z.literal('b') }),
      ]),
    })
    type Data = Out<typeof Form>
    expectTypeOf<Data['refined']>().toEqualTypeOf<UploadedFile>()
    expectTypeOf<Data['readonly']>().toEqualTypeOf<readonly UploadedFile[]>()
    expectTypeOf<Data['lazy']>().toEqualTypeOf<UploadedFile>()
    expectTypeOf<Data['custom']>().toEqualTypeOf<UploadedFile>()
    expectTypeOf<Data['piped']>().toEqualTypeOf<UploadedFile>()
    expectTypeOf<Data['cleaned']>().toEqualTypeOf<UploadedFile | undefined>()
    expectTypeOf<Data['required']>().toEqualTypeOf<UploadedFile>()
    expectTypeOf<Data['both']['a' | 'b']>().toEqualTypeOf<UploadedFile>()
    expectTypeOf<Data['some']>().toEqualTypeOf<{ a?: UploadedFile; b?: UploadedFile }>()
    expectTypeOf<Data['more']>().toEqualTypeOf<[string, ...UploadedFile[]]>()
    expectTypeOf<Data['variant']>().toEqualTypeOf<{ kind: 'a'; file: UploadedFile } | { kind: 'b' }>()
    expectTypeOf<Data['unknown']>().toEqualTypeOf<unknown>()
  })

  it('is what the code of the schema returns, where that may be a File of its own', async () => {
    const made = () => new File([], 'made.png')
    const Form = z.object({
      transformed: z.file().transform(made),
      caught: z.file().catch(made),
      replaced: z.file().default(made),
      decoded: z.codec(z.file(), z.file(), { decode: made, encode: made }),
      group: z.object({ file: z.file() }).transform((group) => ({ ...group, more: 1 })),
      uploaded: z
        .file()
        .pipe(z.instanceof(UploadedFile))
        .transform((file) => ({ file })),
    })
    type Data = Out<typeof Form>
    expectTypeOf<Data['transformed' | 'caught' | 'replaced' | 'decoded']>().toEqualTypeOf<File>()
    expectTypeOf<Data['group']>().toEqualTypeOf<{ file: File; more: number }>()
    expectTypeOf<Data['uploaded']>().toEqualTypeOf<{ file: UploadedFile }>()
    const file = UploadedFile.of('x', { name: 'x.png' })
    const given = { transformed: file, caught: 1, decoded: file, group: { file }, uploaded: file }
    const data = await validate(Form, given)
    for (const key of ['transformed', 'caught', 'replaced', 'decoded'] as const)
      expect([key, data[key] instanceof UploadedFile]).toEqual([key, false])
    expect(data.uploaded.file).toBe(file)
  })

  it('stays the same without files', () => {
    const Form = z.object({
      any: z.any(),
      unknown: z.unknown(),
      account: z.instanceof(Account),
      brand: z.string().brand<'Id'>(),
      when: z.map(z.string(), z.date()),
    })
    expectTypeOf<Out<typeof Form>>().toEqualTypeOf<z.output<typeof Form>>()
    expectTypeOf<Out<typeof Form>['account']>().toEqualTypeOf<Account>()
  })

  it('may be recursive', () => {
    const Tree: z.ZodType<Tree> = z.object({ name: z.string(), children: z.array(z.lazy(() => Tree)) })
    expectTypeOf<Out<typeof Tree>>().toEqualTypeOf<Tree>()
    const Folder = z.object({
      file: z.file(),
      get folders() {
        return z.array(Folder)
      },
    })
    expectTypeOf<
      Out<typeof Folder>['folders'][number]['folders'][number]['file']
    >().toEqualTypeOf<UploadedFile>()
  })

  it('works for other versions and libraries', () => {
    const Oldest = oldest.object({ a: oldest.number(), f: oldest.file() })
    const Middle = middle.object({ a: middle.number(), f: middle.file() })
    const Mini = mini.object({ a: mini.number(), f: mini.file() })
    const Made = mini.object({
      f: mini.pipe(
        mini.file(),
        mini.transform(() => new File([], 'x')),
      ),
    })
    const OldestMade = oldest.object({ f: oldest.file().transform(() => new File([], 'x')) })
    expectTypeOf<Out<typeof Made>>().toEqualTypeOf<{ f: File }>()
    expectTypeOf<Out<typeof OldestMade>>().toEqualTypeOf<{ f: File }>()
    const Valibot = v.object({ a: v.number(), f: v.file() })
    const Ark = type({ a: 'number', f: 'File' })
    interface Expected {
      a: number
      f: UploadedFile
    }
    expectTypeOf<Out<typeof Oldest>>().toEqualTypeOf<Expected>()
    expectTypeOf<Out<typeof Middle>>().toEqualTypeOf<Expected>()
    expectTypeOf<Out<typeof Mini>>().toEqualTypeOf<Expected>()
    expectTypeOf<Out<typeof Valibot>>().toEqualTypeOf<Expected>()
    expectTypeOf<Out<typeof Ark>>().toEqualTypeOf<Expected>()
  })
})

describe('validate()', () => {
  it('returns the output of schemas of every version and library', () => {
    expectTypeOf(validate(z.object({ a: z.number().default(1) }), {})).resolves.toEqualTypeOf<{ a: number }>()
    expectTypeOf(validate(oldest.object({ a: oldest.number() }), { a: 1 })).resolves.toEqualTypeOf<{
      a: number
    }>()
    expectTypeOf(validate(middle.object({ a: middle.number() }), { a: 1 })).resolves.toEqualTypeOf<{
      a: number
    }>()
    expectTypeOf(validate(mini.object({ a: mini.number() }), { a: 1 })).resolves.toEqualTypeOf<{
      a: number
    }>()
    expectTypeOf(validate(v.object({ a: v.number() }), { a: 1 })).resolves.toEqualTypeOf<{ a: number }>()
    expectTypeOf(validate(type({ a: 'number' }), { a: 1 })).resolves.toEqualTypeOf<{ a: number }>()
  })
})

describe('checks for files', () => {
  it('fit z.file() of every version', () => {
    expectTypeOf(z.file().check(accept('image/*', '.pdf'), sniff())).toEqualTypeOf<z.ZodFile>()
    expectTypeOf(middle.file().check(accept('image/*'), sniff())).toEqualTypeOf<middle.ZodFile>()
    expectTypeOf(oldest.file().check(accept('image/*'), sniff())).toEqualTypeOf<oldest.ZodFile>()
    expectTypeOf(mini.file().check(accept('image/*'), sniff())).toEqualTypeOf<mini.ZodMiniFile>()
  })

  it('do not fit z.string()', () => {
    // @ts-expect-error a text is not a file
    z.string().check(accept('image/*'))
    // @ts-expect-error neither a type nor an ending
    expect(() => accept('image')).toThrow(TypeError)
  })
})
