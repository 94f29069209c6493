/** The schemas inside a zod schema. */
import { lazySchema, type ZodSchema } from './schema.js'

/** The schemas that a schema is directly made of. */
export function partsOf(schema: ZodSchema): readonly ZodSchema[] {
  const { def } = schema._zod
  const parts = [
    def.innerType,
    def.in,
    def.out,
    def.element,
    def.rest,
    def.keyType,
    def.valueType,
    def.catchall,
    def.left,
    def.right,
    def.type === 'lazy' ? lazySchema(schema) : undefined,
    ...Object.values(def.shape ?? {}),
    ...(def.items ?? []),
    ...(def.options ?? []),
  ]
  return parts.filter((part) => part != null)
}

/*
 * How far a schema is followed: how deep, and how many schemas in all. One that makes a new schema like itself each time it is
 * asked, by `z.lazy()` or a getter, has no end. What was followed stays resolved, and zod walks it with a call for each level.
 */
const deepestSchema = 64
const mostSchemas = 10_000

/**
 * The schemas that are reached from some, themselves included, level by level.
 *
 * @param inner what is directly inside a schema
 * @returns `isWhole` is false if there are more than were followed
 */
export function followSchemas<Each extends object>(
  roots: Iterable<Each>,
  inner: (each: Each) => Iterable<Each>,
): { readonly found: ReadonlySet<Each>; readonly isWhole: boolean } {
  const found = new Set(roots)
  let level: readonly Each[] = [...found]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === deepestSchema || found.size > mostSchemas) return { found, isWhole: false }
    const next: Each[] = []
    for (const each of level) {
      for (const part of inner(each)) {
        if (found.has(part)) continue
        found.add(part)
        next.push(part)
      }
    }
    level = next
  }
  return { found, isWhole: true }
}
