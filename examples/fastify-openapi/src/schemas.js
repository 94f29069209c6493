/** The schemas of the routes, for validation and for the OpenAPI document. */
import { accept } from '@formgate/fastify'
import { z } from 'zod'

const Picture = z.file().max(5_000_000).check(accept('image/*'))

export const Album = z.object({
  title: z.string().min(3).describe('At least three characters'),
  year: z.number().int().min(1900).optional(),
  isPublic: z.boolean(),
  cover: Picture,
  photos: z.array(Picture).max(10),
})
