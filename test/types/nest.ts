/** The types of the decorators for Nest. */
import {
  BodyException,
  FormData,
  FormFile,
  FormgateModule,
  JSONParser,
  type Out,
  type Problem,
  stream,
  type UploadedFile,
  UseBody,
  UseForm,
  UseParsers,
} from '@formgate/nest'
import { Controller, Module, ParseIntPipe, Post, type DynamicModule } from '@nestjs/common'
import type { IncomingMessage } from 'node:http'
import { is, type Equal } from './equal.js'
import { User, type UserData } from './schemas.js'

@Controller()
class Users {
  @Post()
  @UseForm(User, {
    limits: (request: IncomingMessage & { user?: string }) => ({ files: request.user ? 2 : 1 }),
  })
  create(@FormData() data: Out<typeof User>, @FormData('age', ParseIntPipe) age: number): unknown {
    const same: UserData = data
    is<Equal<typeof data.image, UploadedFile>>()
    is<Equal<typeof data.scans, UploadedFile[] | undefined>>()
    // @ts-expect-error the schema has no such field
    void data.nickname
    return { same, age }
  }

  @Post('json')
  @UseParsers([JSONParser], { errors: 'next' })
  json(@FormData() data: unknown, @FormFile('photo') photo: UploadedFile | undefined): unknown {
    return { data, photo }
  }

  @Post('stream')
  @UseBody(stream())
  stream(): void {}

  @Post('wrong')
  // @ts-expect-error there is no such option
  @UseForm(User, { limit: {} })
  wrong(): void {}
}

@Module({ imports: [FormgateModule.forRoot({ limits: { files: 3 }, errors: 'next' })], controllers: [Users] })
class App {}

export const modules: (DynamicModule | typeof App)[] = [
  App,
  FormgateModule.forRoot(),
  FormgateModule.forRootAsync({ inject: ['LIMIT'], useFactory: (files: number) => ({ limits: { files } }) }),
  // @ts-expect-error it is always lazy
  FormgateModule.forRoot({ lazy: true }),
]

// @ts-expect-error for methods alone
UseForm(User)(Users)

export const problem = (error: unknown): Problem | undefined =>
  error instanceof BodyException ? error.getResponse() : undefined
