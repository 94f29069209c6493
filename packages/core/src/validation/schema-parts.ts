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
