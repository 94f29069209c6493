/** Nest apps on both platforms, which are closed after each test, and what they log. */
import 'reflect-metadata'
import { FormgateModule, type FormgateOptions } from '@formgate/nest'
import type {
  DynamicModule,
  INestApplication,
  LoggerService,
  NestApplicationOptions,
  Type,
} from '@nestjs/common'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { Test } from '@nestjs/testing'
import { whenDone } from '../neighbours/server.js'

export type Platform = 'Express' | 'Fastify'
export const platforms: readonly Platform[] = ['Express', 'Fastify']

const adapters = { Express: () => new ExpressAdapter(), Fastify: () => new FastifyAdapter() }

export interface AppOptions extends NestApplicationOptions {
  /** The module of Formgate. Default: `FormgateModule.forRoot(options)`. `null` for none. */
  readonly formgate?: DynamicModule | Type<unknown> | null
  /** Of `FormgateModule.forRoot()`. */
  readonly options?: FormgateOptions
  /** Before `init()`, as `main.ts` does. */
  readonly configure?: (app: INestApplication) => unknown
}

/** What an app has logged as errors and warnings. */
export class Log implements LoggerService {
  readonly errors: unknown[] = []
  log(): void {}
  error(message: unknown): void {
    this.errors.push(message)
  }
  warn(message: unknown): void {
    this.errors.push(message)
  }
}

/** Creates an app as Nest's own testing module does. */
export async function createApp(
  platform: Platform,
  controllers: readonly Type<unknown>[],
  { formgate, options = {}, configure, ...others }: AppOptions = {},
): Promise<INestApplication> {
  const imports = formgate === null ? [] : [formgate ?? FormgateModule.forRoot(options)]
  const module = await Test.createTestingModule({ imports, controllers: [...controllers] }).compile()
  const app = module.createNestApplication(adapters[platform](), {
    logger: false,
    ...others,
  })
  whenDone(() => app.close())
  await configure?.(app)
  await app.init()
  if (platform === 'Fastify') await (app as NestFastifyApplication).getHttpAdapter().getInstance().ready()
  return app
}
