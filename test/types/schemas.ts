/** The schemas of these files, and the data that a handler should get for them. */
import type { UploadedFile } from '@formgate/core'
import { z } from 'zod'

export const User = z.object({
  username: z.string().min(3),
  age: z.number().int().optional(),
  born: z.date().nullable(),
  tags: z.array(z.string()),
  address: z.object({ city: z.string() }),
  image: z.file().max(5_000_000),
  scans: z.array(z.file()).optional(),
})

export interface UserData {
  username: string
  age?: number | undefined
  born: Date | null
  tags: string[]
  address: { city: string }
  image: UploadedFile
  scans?: UploadedFile[] | undefined
}

export const Payment = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('card'), number: z.string() }),
  z.object({ kind: z.literal('cash'), receipt: z.file() }),
])

export const Login = z.object({ name: z.string(), tags: z.array(z.string()) })
export type LoginData = z.output<typeof Login>
