/** The supported versions of zod: the oldest, two between and the newest. */
import * as newest from 'zod'
import * as newestMini from 'zod/mini'
import * as oldest from 'zod-3-25/v4'
import * as oldestMini from 'zod-3-25/v4-mini'
import * as second from 'zod-4-1'
import * as secondMini from 'zod-4-1/mini'
import * as middle from 'zod-4-4'
import * as middleMini from 'zod-4-4/mini'

/** What all versions have, in the types of the newest. */
export type Zod = typeof newest
export type ZodMini = typeof newestMini

export const zods: readonly (readonly [name: string, z: Zod])[] = [
  ['zod/v4 of zod 3.25', oldest as unknown as Zod],
  ['zod 4.1', second as unknown as Zod],
  ['zod 4.4', middle as unknown as Zod],
  ['zod (newest)', newest],
]

export const minis: readonly (readonly [name: string, z: ZodMini])[] = [
  ['zod/v4-mini of zod 3.25', oldestMini as unknown as ZodMini],
  ['zod/mini 4.1', secondMini as unknown as ZodMini],
  ['zod/mini 4.4', middleMini as unknown as ZodMini],
  ['zod/mini (newest)', newestMini],
]
