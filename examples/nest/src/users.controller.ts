/** A sign-up with an avatar, and backups as raw files. */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  accept,
  FileUploadParser,
  FormData,
  FormFile,
  sniff,
  UploadedFile,
  UseForm,
  UseParsers,
  type Out,
} from '@formgate/nest'
import { Controller, Param, Post, Put, UseGuards } from '@nestjs/common'
import { z } from 'zod'
import { TokenGuard } from './token.guard'

const SignUp = z.strictObject({
  username: z.string().regex(/^\w{3,20}$/, 'Use 3 to 20 letters, digits or underscores'),
  age: z.number().int().min(18).optional(),
  newsletter: z.boolean(),
  // The declared type and the first bytes must both be those of a picture.
  avatar: z.file().max(200_000).check(accept('image/png', 'image/jpeg'), sniff()),
})
type SignUp = Out<typeof SignUp>

@Controller()
export class UsersController {
  @Post('sign-up')
  @UseForm(SignUp, { limits: { fields: 10 } })
  async signUp(@FormData() { username, age, newsletter, avatar }: SignUp) {
    const picture = await keep(avatar)
    return { username, age, newsletter, picture }
  }

  @Put('backups/:filename')
  @UseGuards(TokenGuard)
  @UseParsers([FileUploadParser], { limits: { fileSize: 1_000_000 } })
  async backup(@FormFile() backup: UploadedFile, @Param('filename') filename: string) {
    return { filename, size: backup.size, id: await keep(backup) }
  }
}

/** Keeps a file under a generated name. Other files are removed when the response has ended. */
async function keep(file: UploadedFile): Promise<string> {
  const { UPLOADS = 'uploads' } = process.env
  mkdirSync(UPLOADS, { recursive: true, mode: 0o700 })
  const name = randomUUID()
  await file.moveTo(join(UPLOADS, name))
  return name
}
