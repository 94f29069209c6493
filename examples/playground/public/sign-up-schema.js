/** What the sign-up form must hold: this file is imported by the page and by the three servers. */
import { accept } from '@formgate/core/checks'
import { z } from 'zod'

export const topics = ['sea', 'city', 'mountains', 'food']

const taken = ['admin', 'ada']

/** Stands for a look into a database. */
async function isFree(/** @type {string} */ username) {
  return !taken.includes(username.toLowerCase())
}

export const SignUp = z.strictObject({
  username: z.string().min(3, 'At least 3 characters').refine(isFree, 'This name is taken'),
  email: z.email('Not an email address'),
  age: z.number('A number').int('A whole number').min(18, 'From 18 years on').optional(),
  address: z.object({
    city: z.string().min(1, 'Where do you live?'),
    postcode: z.string().regex(/^\d{4,5}$/, 'Four or five digits'),
  }),
  topics: z.array(z.enum(topics)).min(1, 'Choose one at least').max(3, 'Three at most'),
  portrait: z.file('Choose a picture').max(200_000, 'At most 200 kB').check(accept('image/*')).optional(),
  terms: z.literal(true, 'Please agree'),
})
