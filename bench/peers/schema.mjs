/** The schema of the row `typed`. */
import { z } from 'zod'

const others = {
  username: z.string().min(3),
  email: z.email(),
  color: z.enum(['red', 'green', 'blue']),
  note: z.string().optional(),
}

/** For Formgate, which converts the texts of a form itself. */
export const signUp = z.object({
  ...others,
  age: z.number().int(),
  score: z.number().optional(),
  agree: z.boolean(),
  news: z.boolean(),
  born: z.date(),
  tags: z.array(z.string()),
})

/** For libraries that hand the texts to the schema. */
export const signUpOfTexts = z.object({
  ...others,
  age: z.coerce.number().int(),
  score: z.coerce.number().optional(),
  agree: z.stringbool(),
  news: z.stringbool(),
  born: z.coerce.date(),
  tags: z.preprocess((value) => [value].flat(), z.array(z.string())),
})
