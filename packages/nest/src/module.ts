/** The module, whose options hold for all routes. */
import type { MountOptions } from '@formgate/core'
import { mountStep } from '@formgate/core/adapter'
import {
  ConfigurableModuleBuilder,
  Global,
  Inject,
  Module,
  type ConfigurableModuleCls,
  type DynamicModule,
  type NestModule,
} from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance } from 'fastify'
import { mountToken } from './body-interceptor.js'

/** Options of all routes; those of a route come on top. Nothing is read before the guards of a route have run. */
export type FormgateOptions = Omit<MountOptions, 'lazy'>

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<FormgateOptions>()
  .setClassMethodName('forRoot')
  .build()
const Configurable: ConfigurableModuleCls<FormgateOptions, 'forRoot'> = ConfigurableModuleClass

/**
 * Import it once, in the root module: `FormgateModule.forRoot(options)`, or `forRootAsync()` for options that come from other
 * providers. Fastify refuses forms without it.
 *
 * @throws TypeError when the app starts, for an unknown option or an invalid value
 */
@Global()
@Module({
  providers: [
    {
      provide: mountToken,
      inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }],
      useFactory: (options?: FormgateOptions) => mountStep({ ...options, lazy: true }),
    },
  ],
  exports: [mountToken],
})
export class FormgateModule extends Configurable implements NestModule {
  readonly #host: HttpAdapterHost

  /** The module with its options. */
  static override forRoot(options: FormgateOptions = {}): DynamicModule {
    return super.forRoot(options)
  }

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost) {
    super()
    this.#host = host
  }

  /** Called once there is an app, before its routes are defined. */
  configure(): void {
    const { httpAdapter } = this.#host
    if (httpAdapter.getType() === 'fastify') leaveBodies(httpAdapter.getInstance<FastifyInstance>())
  }
}

/** Has Fastify leave the bodies that no parser of the app reads, and the bytes of a text. */
function leaveBodies(app: FastifyInstance): void {
  unlessPresent(() => app.addContentTypeParser('*', (_request, _payload, done) => done(null)))
  unlessPresent(() =>
    app.addContentTypeParser('text/plain', { parseAs: 'buffer' }, (request, rawBody: Buffer, done) => {
      Object.assign(request, { rawBody })
      done(null, rawBody.toString())
    }),
  )
}

/** A parser of the app stays. Fastify replaces only its own. */
function unlessPresent(add: () => void): void {
  try {
    add()
  } catch (error) {
    if ((error as { code?: string }).code !== 'FST_ERR_CTP_ALREADY_PRESENT') throw error
  }
}
