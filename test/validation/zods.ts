/** The supported versions of zod: the oldest, one between and the newest. */
import * as newest from 'zod'
import * as newestMini from 'zod/mini'
import * as oldest from 'zod-4-1'
import * as oldestMini from 'zod-4-1/mini'
import * as middle from 'zod-4-4'
import * as middleMini from 'zod-4-4/mini'

/** What all versions have, in the types of the newest. */
export type Zod = typeof newest
export type ZodMini = typeof newestMini

export const zods: readonly (readonly [name: string, z: Zod])[] = [
  ['zod 4.1', oldest as unknown as Zod],
  ['zod 4.4', middle as unknown as Zod],
  ['zod (newest)', newest],
]

export const minis: readonly (readonly [name: string, z: ZodMini])[] = [
  ['zod/mini 4.1', oldestMini as unknown as ZodMini],
  ['zod/mini 4.4', middleMini as unknown as ZodMini],
  ['zod/mini (newest)', newestMini],
]
