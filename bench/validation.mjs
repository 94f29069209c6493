/**
 * What coercion costs: a form of ten fields walked along its schema and validated, against the schema's own safeParse()
 * of the object that the walk gives.
 *
 *     npm run bench:validation
 *
 * Times are CPU times of the process per form, medians of many rounds taken in turns. The bound is 6 µs more.
 */
import { createRequire } from 'node:module'
import { importSources } from './sources.mjs'

const { defaultLimits, coerceForm, validate } = await importSources(
  'index',
  'coercion/coerce-form',
  'schema/validate',
)
const require = createRequire(new URL('../test/package.json', import.meta.url))
const bound = 6
const forms = 20_000
const turns = 15

const flat = (z) =>
  z.object({
    username: z.string().min(3),
    email: z.email(),
    age: z.number().int(),
    score: z.number().optional(),
    agree: z.boolean(),
    news: z.boolean(),
    born: z.date(),
    color: z.enum(['red', 'green', 'blue']),
    tags: z.array(z.string()),
    note: z.string().optional(),
  })
const nested = (z) =>
  z.object({
    username: z.string().min(3),
    email: z.email(),
    agree: z.boolean(),
    address: z.object({ street: z.string(), city: z.string(), postcode: z.string() }),
    items: z.array(z.object({ title: z.string(), price: z.number() })),
  })

const entries = (form) =>
  [...new URLSearchParams(form)].map(([name, value]) => ({ kind: 'text', name, value }))
const flatForm = entries(
  'username=Grace&email=grace@example.org&age=36&score=9.5&agree=on&news=off&born=1906-12-09&color=red&tags=navy&note=hi',
)
const nestedForm = entries(
  'username=Grace&email=grace@example.org&agree=on&address.street=Main&address.city=Ulm&address[postcode]=89073' +
    '&items[0].title=lamp&items[0].price=19.5&items[1].title=desk&items[1].price=100',
)

const options = { limits: defaultLimits }
let isOver = false
console.log('schema, form             safeParse µs   walk µs   walk + validate µs   more µs')
for (const version of ['zod', 'zod-4-4', 'zod-4-1']) {
  const z = require(version)
  for (const [name, make, form] of [
    ['ten fields', flat, flatForm],
    ['ten, nested', nested, nestedForm],
  ]) {
    const schema = make(z)
    const coerced = coerceForm(schema, form, options)
    if (!schema.safeParse(coerced).success) throw new Error('The form does not fit.')
    const runs = {
      safeParse: () => void schema.safeParse(coerced),
      walk: () => void coerceForm(schema, form, options),
      both: () => validate(schema, coerceForm(schema, form, options)),
    }
    const times = { safeParse: [], walk: [], both: [] }
    for (let turn = -3; turn < turns; turn += 1) {
      for (const [key, run] of Object.entries(runs)) {
        const time = await cpu(run)
        if (turn >= 0) times[key].push(time)
      }
    }
    const [own, walk, both] = [times.safeParse, times.walk, times.both].map(median)
    isOver ||= both - own > bound
    const { version: number } = require(`${version}/package.json`)
    const columns = [
      `${number}, ${name}`.padEnd(22),
      pad(own, 15),
      pad(walk, 9),
      pad(both, 20),
      pad(both - own, 9),
    ]
    console.log(columns.join(' '))
  }
}
if (isOver) {
  console.error(`More than ${bound} µs.`)
  process.exit(1)
}

/** Microseconds of one run. */
async function cpu(run) {
  const before = process.cpuUsage()
  for (let form = 0; form < forms; form += 1) await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / forms
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

function pad(value, width) {
  return value.toFixed(2).padStart(width)
}
