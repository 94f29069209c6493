/** Nest on Express, without TypeScript: decorators are called as functions. */
import 'reflect-metadata'
import { Controller, HttpCode, Module, Post, ValidationPipe } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'

/** Applies decorators to a member of a class, in the order in which they would be written. */
export function decorate(prototype, name, decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name)
  for (const each of decorators.toReversed()) each(prototype, name, descriptor)
}

/** The server of an app with one controller, whose method `create` answers POST /. */
export async function serverOf(controller) {
  decorate(controller.prototype, 'create', [Post(), HttpCode(200)])
  Controller()(controller)
  class AppModule {}
  Module({ controllers: [controller] })(AppModule)
  const app = await NestFactory.create(AppModule, { logger: false })
  app.useGlobalPipes(new ValidationPipe({ transform: true }))
  await app.init()
  return app.getHttpServer()
}
