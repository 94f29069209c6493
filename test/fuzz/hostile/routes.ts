/** Routes whose schemas make a hostile body most expensive, under default limits. */
import { body, form, memory, multipart, type Middleware } from '@formgate/express'
import { z } from 'zod'

const Tree = z.object({
  name: z.string().optional(),
  get kids() {
    return z.array(Tree).optional()
  },
})

const Logic: z.ZodType = z.lazy(() =>
  z.union([
    z.object({ op: z.literal('and'), args: z.array(Logic) }),
    z.object({ op: z.literal('not'), arg: Logic }),
    z.object({ op: z.literal('eq'), v: z.number() }),
    z.array(Logic),
    z.number(),
    z.boolean(),
  ]),
)

const NumberOrList: z.ZodType = z.lazy(() => z.union([z.number(), z.array(NumberOrList)]))

const Chain: z.ZodType = z.lazy(() =>
  z.intersection(z.looseObject({ x: Chain.optional() }), z.looseObject({ x: Chain.optional() })),
)

const variants = Array.from({ length: 50 }, (_, index) =>
  z.object({
    t: z.literal(`t${index}`),
    x: z.number().optional(),
    [`k${index}`]: z.string().optional(),
    sub: z.object({ y: z.array(z.number()).optional() }).optional(),
  }),
)

/** Unions nested to this depth. */
function nestedUnion(depth: number): z.ZodType {
  if (depth === 0) return z.union([z.number(), z.boolean(), z.date()])
  const inner = nestedUnion(depth - 1)
  const a = z.union([inner, z.object({ a: inner, b: z.number() }), z.array(inner)])
  return z.object({ a: a.optional(), b: z.number().optional() })
}

const scalars = z.union([
  z.number(),
  z.boolean(),
  z.date(),
  z.bigint(),
  z
    .string()
    .regex(/^[a-z]+$/)
    .max(20),
])
const options = Array.from({ length: 500 }, (_, index) => `option${index}`)
const storage = memory()

const forms = {
  flat: z.object({ a: z.string() }),
  'any record': z.record(z.string(), z.unknown()),
  tree: Tree,
  'tagged union': z.object({ items: z.array(z.discriminatedUnion('t', variants as [(typeof variants)[0]])) }),
  union: z.object({ items: z.array(z.union(variants)) }),
  'recursive union': z.object({ q: Logic.optional() }),
  'number or list': z.object({ q: NumberOrList.optional() }),
  'nested unions': nestedUnion(4),
  'dotted keys': z.object(
    Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}.x.y`, z.string().optional()])),
  ),
  'recursive intersection': z.object({ q: Chain.optional() }),
  scalars: z.object({ v: z.array(scalars) }),
  bigints: z.object({ v: z.array(z.bigint()) }),
  dates: z.object({ v: z.array(z.date()) }),
  email: z.object({ v: z.email() }),
  url: z.object({ v: z.url() }),
  enum: z.object({ v: z.array(z.enum(options)) }),
  records: z.object({ m: z.record(z.string(), z.record(z.string(), z.number())) }),
  map: z.object({ m: z.map(z.string(), z.number()) }),
  files: z.object({ f: z.array(z.file().max(10)).max(2) }),
  objects: z.object({ o: z.array(z.object({ a: z.number().optional(), b: z.string().optional() })) }),
}

const bodies = {
  numbers: z.array(z.number()),
  strings: z.array(z.string()),
  'empty objects': z.array(z.object({})),
}

export type RouteName = 'untyped' | `form: ${keyof typeof forms}` | `body: ${keyof typeof bodies}`

/** Each reads a body and calls `next`, or answers. */
export const routes = new Map<RouteName, Middleware>([
  ['untyped', multipart({ storage })],
  ...Object.entries(forms).map(
    ([name, schema]) => [`form: ${name}` as RouteName, form(schema, { storage }) as Middleware] as const,
  ),
  ...Object.entries(bodies).map(
    ([name, schema]) => [`body: ${name}` as RouteName, body(schema, { storage }) as Middleware] as const,
  ),
])

export const routeNames: readonly RouteName[] = [...routes.keys()]
