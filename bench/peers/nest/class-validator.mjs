/** FileInterceptor() and the ValidationPipe, with class-validator and class-transformer. */
import { Body, UseInterceptors } from '@nestjs/common'
import { FileInterceptor } from '@nestjs/platform-express'
import { Transform, Type } from 'class-transformer'
import * as is from 'class-validator'
import { typed } from '../answer.mjs'
import { decorate, serverOf } from '../nest-app.mjs'

class SignUp {}

const toBoolean = Transform(({ value }) => value === 'on')
const properties = {
  username: [is.IsString(), is.MinLength(3)],
  email: [is.IsEmail()],
  age: [Type(() => Number), is.IsInt()],
  score: [is.IsOptional(), Type(() => Number), is.IsNumber()],
  agree: [toBoolean, is.IsBoolean()],
  news: [toBoolean, is.IsBoolean()],
  born: [Type(() => Date), is.IsDate()],
  color: [is.IsIn(['red', 'green', 'blue'])],
  tags: [Transform(({ value }) => [value].flat()), is.IsString({ each: true })],
  note: [is.IsOptional(), is.IsString()],
}
for (const [name, decorators] of Object.entries(properties)) decorate(SignUp.prototype, name, decorators)

class SignUpController {
  create(body) {
    return typed(body)
  }
}
decorate(SignUpController.prototype, 'create', [UseInterceptors(FileInterceptor('avatar'))])
Body()(SignUpController.prototype, 'create', 0)
Reflect.defineMetadata('design:paramtypes', [SignUp], SignUpController.prototype, 'create')

export function serve() {
  return serverOf(SignUpController)
}
