/**
 * Random schemas of zod and random values that fit them, encoded as a form: what a schema makes of the form must be the
 * value again.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Entry } from '../../packages/core/src/parsers/data-and-files.js'
import { coerceForm } from '../../packages/core/src/coercion/coerce-form.js'
import { defaultLimits } from '../../packages/core/src/limits.js'
import type { ZodSchema } from '../../packages/core/src/schema/read-zod.js'
import type { Schema } from '../../packages/core/src/schema/schema.js'
import { validate } from '../../packages/core/src/schema/validate.js'
import { Random } from '../fuzz/random.js'
import { file } from './form.js'
import { zods, type Zod } from './zods.js'

type Any = ReturnType<Zod['any']>

/** A field of a form without the start of its name. A key of `''` is `[]`. */
interface Sent {
  readonly path: readonly string[]
  readonly kind: Entry['kind']
  readonly value: unknown
}

/** One value of a schema: what it is, and the fields that encode it. */
interface Sample {
  readonly value: unknown
  readonly sent: readonly Sent[]
}

/** A schema with values of it. */
interface Kind {
  /** The schema as text, for a report. */
  readonly text: string
  readonly schema: Any
  /** The same with one object in place of each intersection. */
  readonly plain: Any
  readonly sample: () => Sample
  /** A value and what it is sent as, where the form must show that there is one. */
  readonly shown: () => Sample
  /** True if any text is a value of its own. */
  readonly takesTexts: boolean
  /** True if an empty text is an item of a list of these. */
  readonly takesBlank?: boolean
  /** True if each value is one field. */
  readonly isSingle: boolean
}

type Fields = Readonly<Record<string, Kind>>

/** Objects that one field tells apart, or a single one. */
interface Group {
  readonly text: string
  readonly schema: Any
  readonly variants: readonly Fields[]
  readonly discriminator?: string
}

const words = ['lamp', 'null', 'true', '5', '{"a":1}', '[1,2]', ' x ', 'ä€😀', 'a.b', 'on', 'undefined']
const keys = ['a', 'b', 'c', 'size', 'constructor', 'x-y', '7', 'ü']

class Generator {
  readonly #z: Zod
  readonly #random: Random
  #files = 0
  #names = 0

  constructor(z: Zod, random: Random) {
    this.#z = z
    this.#random = random
  }

  /** The schema of a whole form. */
  form(): Kind {
    return this.#objectOf(this.#group(3))
  }

  #kind(depth: number): Kind {
    const random = this.#random
    const inner = depth === 0 || random.chance(0.5) ? this.#single() : this.#container(depth - 1)
    return this.#wrapped(inner)
  }

  /** Wrappers that change nothing, and those that give an absent value a meaning. */
  #wrapped(kind: Kind): Kind {
    const [z, random] = [this.#z, this.#random]
    switch (random.below(18)) {
      case 0:
      case 1:
        return this.#optional(kind, (schema) => schema.optional(), 'optional()', undefined)
      case 2: {
        const { value } = kind.sample()
        return this.#optional(kind, (schema) => schema.default(value), 'default()', value)
      }
      case 3: {
        const { value } = kind.sample()
        // Any value is valid, an absent one too.
        if (kind.text === 'z.any()') return kind
        return this.#optional(kind, (schema) => schema.catch(value), 'catch()', value)
      }
      case 4:
      case 5:
        return this.#nullable(kind)
      case 6:
        return wrap(kind, (schema) => z.lazy(() => schema), 'lazy()')
      case 7:
        return wrap(kind, (schema) => schema.readonly(), 'readonly()')
      case 8:
        return wrap(kind, (schema) => schema.refine(() => true), 'refine()')
      case 9:
        return wrap(kind, (schema) => schema.transform((value) => value) as never, 'transform()')
      case 10:
        return this.#optional(this.#nullable(kind), (schema) => schema.optional(), 'optional()', undefined)
      case 11:
        return this.#optional(this.#nullable(kind), (schema) => schema.default(null), 'default(null)', null)
      default:
        return kind
    }
  }

  #optional(kind: Kind, change: (schema: Any) => unknown, name: string, absent: unknown): Kind {
    const random = this.#random
    const wrapped = wrap(kind, change, name)
    const sample = () => (random.chance(0.3) ? { value: absent, sent: [] } : kind.shown())
    // In a list, only an empty text can say that an item is absent.
    const shown = () =>
      !kind.takesTexts && kind.isSingle && random.chance(0.3)
        ? { value: absent, sent: [textOf('')] }
        : kind.shown()
    return { ...wrapped, sample, shown, takesBlank: true }
  }

  #nullable(kind: Kind): Kind {
    const random = this.#random
    const wrapped = wrap(kind, (schema) => schema.nullable(), 'nullable()')
    const nothing = () => ({
      value: null,
      sent: [kind.takesTexts || random.chance(0.3) ? parsed(null) : textOf('null')],
    })
    const shown = () => (random.chance(0.3) ? nothing() : kind.shown())
    // An object that is not sent is neither null nor an object.
    return { ...wrapped, sample: shown, shown, takesBlank: true }
  }

  #single(): Kind {
    const [z, random] = [this.#z, this.#random]
    switch (random.below(11)) {
      case 0:
        return single('z.string()', z.string(), () => random.pick([...words, '']), { takesTexts: true })
      case 1:
        return single('z.any()', z.any(), () => random.pick(['lamp', '5', 'x y']), { takesTexts: true })
      case 2:
        return single('z.string().min(1)', z.string().min(1), () => random.pick(words), { takesTexts: true })
      case 3:
        return this.#box()
      case 4:
        return single('z.bigint()', z.bigint(), () => BigInt(random.below(1e9)) * 10n ** 20n)
      case 5:
        return single('z.date()', z.date(), () => new Date(random.below(2e9) * 1000), {
          spell: (date) => (date as Date).toISOString(),
        })
      case 6:
        return single('z.enum()', z.enum(['red', 'blue', 'two words']), () =>
          random.pick(['red', 'two words']),
        )
      case 7:
        return single('z.literal()', z.literal([1, 2, 'three']), () => random.pick([1, 2, 'three']))
      case 8:
      case 9:
        return this.#file()
      default:
        return this.#number()
    }
  }

  #number(): Kind {
    return single('z.number()', this.#z.number(), () => this.#random.below(2000) / 8 - 100)
  }

  #file(): Kind {
    const sample = () => {
      const value = file(`${(this.#files += 1)}.png`)
      return { value, sent: [{ path: [], kind: 'file', value } as const] }
    }
    const schema = this.#z.file() as never
    return {
      text: 'z.file()',
      schema,
      plain: schema,
      sample,
      shown: sample,
      takesTexts: false,
      isSingle: true,
    }
  }

  /** A checkbox, also with a hidden field beside it. */
  #box(): Kind {
    const random = this.#random
    const schema = this.#z.boolean() as never
    const shown = () => {
      const value = random.chance(0.5)
      return { value, sent: [textOf(random.pick(value ? ['on', 'true', '1'] : ['off', 'false', '0']))] }
    }
    const sample = () => {
      const { value, sent } = shown()
      if (random.chance(0.3)) return { value, sent: [textOf(random.pick(['false', ''])), ...sent] }
      return value || random.chance(0.5) ? { value, sent } : { value, sent: [] }
    }
    return {
      text: 'z.boolean()',
      schema,
      plain: schema,
      sample,
      shown,
      takesTexts: false,
      takesBlank: true,
      isSingle: true,
    }
  }

  #container(depth: number): Kind {
    const z = this.#z
    switch (this.#random.below(9)) {
      case 0:
      case 1:
      case 2:
        return this.#list(this.#kind(depth), (each) => z.array(each), 'z.array')
      case 3:
        return this.#set()
      case 4:
        return this.#tuple(depth)
      case 5:
        return this.#record(depth)
      case 6:
        return this.#union(depth)
      default:
        return this.#objectOf(this.#group(depth))
    }
  }

  #list(item: Kind, schemaOf: (item: Any) => unknown, name: string): Kind {
    const random = this.#random
    const of = (least: number) => () => {
      const samples = Array.from({ length: least + random.below(4) }, item.shown)
      // A single item with a name of the list could also be the list.
      const isRepeated = item.isSingle && samples.length > 1 && samples.every(({ sent }) => sent.length === 1)
      const end = random.pick([[], ['']])
      const sent = samples.flatMap((each, at) => below(isRepeated ? end : [String(at)], each.sent))
      return { value: samples.map(({ value }) => value), sent }
    }
    const empty = () => ({
      value: [],
      sent: [item.takesTexts || item.takesBlank || random.chance(0.5) ? parsed([]) : textOf('')],
    })
    return {
      ...wrap(item, schemaOf, name),
      takesBlank: false,
      sample: () => (random.chance(0.2) ? { value: [], sent: [] } : of(0)()),
      shown: () => (random.chance(0.2) ? empty() : of(1)()),
      isSingle: false,
    }
  }

  #set(): Kind {
    const random = this.#random
    const item = random.chance(0.5)
      ? this.#number()
      : single('z.string()', this.#z.string(), () => random.pick(words), { takesTexts: true })
    const list = this.#list(item, (each) => this.#z.set(each), 'z.set')
    const asSet = (sample: Sample) => ({ ...sample, value: new Set(sample.value as unknown[]) })
    return { ...list, sample: () => asSet(list.sample()), shown: () => asSet(list.shown()) }
  }

  #tuple(depth: number): Kind {
    const items = Array.from({ length: 1 + this.#random.below(3) }, () => this.#kind(depth))
    const sample = () => {
      const samples = items.map(({ shown }) => shown())
      return {
        value: samples.map(({ value }) => value),
        sent: samples.flatMap((each, at) => below([String(at)], each.sent)),
      }
    }
    return {
      text: `z.tuple([${items.map(({ text }) => text).join(', ')}])`,
      schema: this.#z.tuple(items.map(({ schema }) => schema) as never) as never,
      plain: this.#z.tuple(items.map(({ plain }) => plain) as never) as never,
      sample,
      shown: sample,
      takesTexts: false,
      isSingle: false,
    }
  }

  /** A record of any keys, of some or all of a list, or a map. */
  #record(depth: number): Kind {
    const [z, random] = [this.#z, this.#random]
    const kind = random.chance(0.3) ? this.#box() : this.#kind(depth)
    const listed = keys.slice(0, 3)
    const [name, schemaOf] = random.pick<readonly [string, (value: Any) => unknown]>([
      ['record', (value) => z.record(z.string(), value)],
      ['partial', (value) => z.partialRecord(z.enum(listed), value)],
      ['all', (value) => z.record(z.enum(listed), value)],
      ['map', (value) => z.map(z.string(), value)],
      ['numbers', (value) => z.map(z.number(), value)],
    ])
    const any = name === 'numbers' ? ['1', '-2', '0.5'] : keys
    const of = (least: number) => {
      const all = name === 'all' || name === 'partial' ? listed : any
      const used = name === 'all' ? all : all.filter(() => random.chance(0.4))
      if (used.length < least) used.push(all[0]!)
      const samples = used.map((key) => [key, name === 'all' ? kind.sample() : kind.shown()] as const)
      const sent = samples.flatMap(([key, each]) => below([key], each.sent))
      const pairs = samples.map(
        ([key, { value }]) => [name === 'numbers' ? Number(key) : key, value] as const,
      )
      const isMap = name === 'map' || name === 'numbers'
      return { value: isMap ? new Map<unknown, unknown>(pairs) : Object.fromEntries(pairs), sent }
    }
    const show = (sample: Sample) =>
      sample.sent.length > 0
        ? sample
        : { ...sample, sent: [parsed(sample.value instanceof Map ? [] : sample.value)] }
    return {
      ...wrap(kind, schemaOf, name),
      takesBlank: false,
      sample: () => of(0),
      shown: () => show(of(0)),
      takesTexts: false,
      isSingle: false,
    }
  }

  /** Options that no form fits two of: at most one of texts, and of the names that have something behind them. */
  #union(depth: number): Kind {
    const random = this.#random
    const one = random.pick([
      this.#number(),
      this.#file(),
      single('z.date()', this.#z.date(), () => new Date(0), spellDate),
    ])
    const item = this.#number()
    const object = () => this.#fields(depth, { only: item })
    const options = random.pick([
      () => [one, object()],
      () => [object(), one],
      // The other way round, a single value would be a list of one.
      () => [one, this.#list({ ...item, isSingle: false }, (each) => this.#z.array(each), 'z.array')],
    ])()
    const shown = () => {
      for (;;) {
        const sample = random.pick(options).shown()
        // A list by its index, so that it is not the single value.
        if (sample.sent[0]?.path.length !== 0 || sample.sent[0].value !== '') return sample
      }
    }
    return {
      text: `z.union([${options.map(({ text }) => text).join(', ')}])`,
      schema: this.#z.union(options.map(({ schema }) => schema)) as never,
      plain: this.#z.union(options.map(({ plain }) => plain)) as never,
      sample: shown,
      shown,
      takesTexts: false,
      isSingle: false,
    }
  }

  /** An object with some fields of its own. */
  #fields(depth: number, own: Fields): Kind {
    return this.#objectOf(this.#object(depth, own))
  }

  #group(depth: number): Group {
    const [z, random] = [this.#z, this.#random]
    switch (random.below(depth === 0 ? 1 : 6)) {
      case 0:
      case 1:
        return this.#object(depth)
      case 2:
        return this.#choice(depth)
      case 3: {
        const options = [0, 1, 2].map((at) =>
          this.#object(depth - 1, { [`only${at}-${(this.#names += 1)}`]: this.#number() }),
        )
        const text = `z.union([${options.map((each) => each.text).join(', ')}])`
        const schema = z.union(options.map((each) => each.schema)) as never
        return { text, schema, variants: options.flatMap(({ variants }) => variants) }
      }
      default:
        return this.#both(depth)
    }
  }

  #object(depth: number, own: Fields = {}): Group {
    const fields: Record<string, Kind> = { ...own }
    for (let left = 1 + this.#random.below(3); left > 0; left -= 1)
      fields[`${this.#random.pick(['n', 'constructor', 'field-'])}${(this.#names += 1)}`] = this.#kind(depth)
    return { ...this.#schemaOf(fields, 'schema'), variants: [fields] }
  }

  #schemaOf(fields: Fields, which: 'schema' | 'plain'): { readonly text: string; readonly schema: Any } {
    const all = Object.entries(fields)
    return {
      text: `z.object({ ${all.map(([name, { text }]) => `${JSON.stringify(name)}: ${text}`).join(', ')} })`,
      schema: this.#z.object(Object.fromEntries(all.map(([name, kind]) => [name, kind[which]]))) as never,
    }
  }

  /** A discriminated union, by a text, a number or a checkbox. */
  #choice(depth: number): Group {
    const [z, random] = [this.#z, this.#random]
    const discriminator = `kind${(this.#names += 1)}`
    const tags: readonly (string | number | boolean)[] = random.pick([
      ['a', 'b', 'c'],
      [1, 2],
      [false, true],
    ])
    const options = tags.map((tag) => {
      const schema = z.literal(tag) as never
      const isAbsent = () => tag === false && random.chance(0.5)
      const sample = () => ({ value: tag, sent: isAbsent() ? [] : [textOf(String(tag))] })
      const text = `z.literal(${JSON.stringify(tag)})`
      const kind = { text, schema, plain: schema, sample, shown: sample, takesTexts: false, isSingle: true }
      return this.#object(depth - 1, { [discriminator]: kind })
    })
    return {
      text: `z.discriminatedUnion(${discriminator}, [${options.map(({ text }) => text).join(', ')}])`,
      schema: z.discriminatedUnion(discriminator, options.map(({ schema }) => schema) as never) as never,
      variants: options.flatMap(({ variants }) => variants),
      discriminator,
    }
  }

  /** An intersection, sometimes with a field that both sides have. */
  #both(depth: number): Group {
    const [z, random] = [this.#z, this.#random]
    const name = `shared${(this.#names += 1)}`
    const shared = random.chance(0.4) ? this.#shared(depth - 1) : undefined
    const sides = [shared?.left, shared?.right].map((kind) =>
      kind === undefined ? this.#group(depth - 1) : this.#object(depth - 1, { [name]: kind }),
    ) as [Group, Group]
    const [one, other] = random.chance(0.5) ? sides : [sides[1], sides[0]]
    const isChoice = one.variants.length === 1 || other.variants.length === 1
    const discriminator = isChoice ? (one.discriminator ?? other.discriminator) : undefined
    return {
      text: `${one.text}.and(${other.text})`,
      schema: z.intersection(
        one.schema,
        random.chance(0.8) ? other.schema : z.lazy(() => other.schema),
      ) as never,
      variants: one.variants.flatMap((a) =>
        other.variants.map((b) => ({ ...a, ...b, ...(shared && { [name]: shared.joined }) })),
      ),
      ...(discriminator !== undefined && { discriminator }),
    }
  }

  /** A field of both sides of an intersection. */
  #shared(depth: number): { readonly left: Kind; readonly right: Kind; readonly joined: Kind } {
    const random = this.#random
    const same = random.pick([
      this.#number(),
      this.#box(),
      this.#list(this.#number(), (each) => this.#z.array(each), 'z.array'),
    ])
    const any = single('z.any()', this.#z.any(), () => undefined)
    const [x, y] = [{ x: this.#kind(depth) }, { y: this.#kind(depth) }]
    const objectOf = (fields: Fields) =>
      this.#objectOf({ ...this.#schemaOf(fields, 'schema'), variants: [fields] })
    return random.pick([
      () => ({ left: same, right: same, joined: same }),
      () => ({ left: same, right: any, joined: same }),
      () => ({ left: objectOf(x), right: objectOf(y), joined: objectOf({ ...x, ...y }) }),
    ])()
  }

  #objectOf(group: Group): Kind {
    const [z, random] = [this.#z, this.#random]
    const { variants, discriminator } = group
    const plains = variants.map((fields) => this.#schemaOf(fields, 'plain').schema) as [Any, Any]
    const plain =
      variants.length === 1
        ? plains[0]
        : discriminator === undefined
          ? z.union(plains)
          : z.discriminatedUnion(discriminator, plains as never)
    const sample = () => {
      const samples = Object.entries(random.pick(variants)).map(
        ([key, kind]) => [key, kind.sample()] as const,
      )
      return {
        value: Object.fromEntries(samples.map(([key, { value }]) => [key, value])),
        sent: samples.flatMap(([key, each]) => below([key], each.sent)),
      }
    }
    const shown = () => {
      const each = sample()
      return each.sent.length > 0 ? each : { ...each, sent: [parsed(each.value)] }
    }
    const { text, schema } = group
    return { text, schema, plain: plain as never, sample, shown, takesTexts: false, isSingle: false }
  }
}

const spellDate = { spell: (date: unknown) => (date as Date).toISOString() }

function single(
  text: string,
  schema: unknown,
  value: () => unknown,
  { spell = String, takesTexts = false }: { spell?: (value: unknown) => string; takesTexts?: boolean } = {},
): Kind {
  const sample = () => {
    const made = value()
    return { value: made, sent: [textOf(spell(made))] }
  }
  return {
    text,
    schema: schema as Any,
    plain: schema as Any,
    sample,
    shown: sample,
    takesTexts,
    isSingle: true,
  }
}

function wrap(kind: Kind, change: (schema: Any) => unknown, name: string): Kind {
  const [schema, plain] = [change(kind.schema) as Any, change(kind.plain) as Any]
  return { ...kind, text: `${kind.text}.${name}`, schema, plain }
}

function textOf(value: string): Sent {
  return { path: [], kind: 'text', value }
}

function parsed(value: unknown): Sent {
  return { path: [], kind: 'parsed', value }
}

function below(path: readonly string[], sent: readonly Sent[]): readonly Sent[] {
  return sent.map((each) => ({ ...each, path: [...path, ...each.path] }))
}

/** Spells paths with brackets, or with dots where a key has none. */
function entriesOf(sent: readonly Sent[], style: 'brackets' | 'dots'): Entry[] {
  const spell = (key: string) =>
    style === 'brackets' || key === '' || /[.[]/.test(key) ? `[${key}]` : `.${key}`
  return sent.map(({ path: [first, ...rest], kind, value }) => {
    return { kind, name: `${first}${rest.map(spell).join('')}`, value } as Entry
  })
}

/** Fields in another order. Those of one name keep theirs. */
function shuffled(entries: readonly Entry[], random: Random): readonly Entry[] {
  const queues = new Map<string, Entry[]>()
  for (const entry of entries) queues.set(entry.name, [...(queues.get(entry.name) ?? []), entry])
  const left = entries.map(({ name }) => name)
  return entries.map(() => {
    const [name] = left.splice(random.below(left.length), 1) as [string]
    return queues.get(name)!.shift()!
  })
}

/** A value to compare: files by their names, and without keys that say nothing. */
function comparable(value: unknown): unknown {
  if (value instanceof File) return `file ${value.name}`
  if (value instanceof Set) return new Set([...value].map(comparable))
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, comparable(each)]))
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const pairs = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(pairs.map(([key, each]) => [key, comparable(each)]))
}

// zod 3.25 itself refuses a record with the key `constructor`.
const versions = zods.slice(1)

/**
 * Encodes three values of the schema of each seed in both styles, and reads them with the schema and with its plain twin.
 *
 * @returns the number of forms
 * @throws Error that shows the schema, the form and both values, for the first form that is not read back
 */
export async function roundTrips(seeds: Iterable<number>): Promise<number> {
  let forms = 0
  for (const seed of seeds) {
    const random = new Random(seed)
    const [version, z] = versions[seed % versions.length]!
    const { text, schema, plain, sample } = new Generator(z, random).form()
    for (let each = 0; each < 3; each += 1) {
      const { value, sent } = sample()
      for (const style of ['brackets', 'dots'] as const) {
        const entries = shuffled(entriesOf(sent, style), random)
        for (const [name, as] of Object.entries({ schema, plain })) {
          const read = await readForm(as, entries)
          forms += 1
          if (isDeepStrictEqual(comparable(read), comparable(value))) continue
          const form = entries
            .map((entry) => `${entry.kind} ${entry.name}=${String(entry.value)}`)
            .join('\n  ')
          const show = (shown: unknown) => JSON.stringify(comparable(shown), replace)
          throw new Error(
            `Seed ${seed}, ${version}, ${name}\n${text}\n  ${form}\nis    ${show(read)}\nnot   ${show(value)}`,
          )
        }
      }
    }
  }
  return forms
}

async function readForm(schema: Any, entries: readonly Entry[]): Promise<unknown> {
  const given = schema as unknown as Schema & ZodSchema
  try {
    return await validate(given, coerceForm(given, entries, { limits: defaultLimits }))
  } catch (error) {
    return { refused: (error as { errors?: unknown }).errors ?? String(error) }
  }
}

function replace(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  return value instanceof Set || value instanceof Map ? { [value.constructor.name]: [...value] } : value
}
