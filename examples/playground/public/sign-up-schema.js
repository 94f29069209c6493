/** The schema of the sign-up form. The page and the three servers import this file. */
import { accept } from '@formgate/core/checks'
import { z } from 'zod'

export const topics = ['sea', 'city', 'mountains', 'food']

const taken = ['admin', 'ada']

/** In place of a database query. */
async function isFree(/** @type {string} */ username) {
  return !taken.includes(username.toLowerCase())
}

export const SignUp = z.strictObject({
  username: z.string().min(3, 'At least 3 characters').refine(isFree, 'This name is taken'),
  email: z.email('Not an email address'),
  age: z.number('Enter a number').int('Enter a whole number').min(18, 'You must be at least 18').optional(),
  address: z.object({
    city: z.string().min(1, 'Where do you live?'),
    postcode: z.string().regex(/^\d{4,5}$/, 'Four or five digits'),
  }),
  topics: z.array(z.enum(topics)).min(1, 'Choose at least one').max(3, 'Choose at most three'),
  portrait: z.file('Choose a picture').max(200_000, 'At most 200 kB').check(accept('image/*')).optional(),
  terms: z.literal(true, 'Please agree'),
})
