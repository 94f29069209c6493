/** Reads the body of a route, after its guards. */
import { BodyError } from '@formgate/core'
import type { MountStep, RequestBody, RouteStep } from '@formgate/core/adapter'
import {
  Inject,
  Injectable,
  Optional,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import { catchError, type Observable } from 'rxjs'
import { AnsweredException, BodyException } from './body-exception.js'
import { bodyOf, type PlatformRequest, type PlatformResponse } from './platform.js'

/** The token of the options of the module. */
export const mountToken: unique symbol = Symbol('FormgateModule')

/** The key of the step of a route. */
export const stepKey = 'formgate:step'
export const reflector: Reflector = new Reflector()

/** The step of a route; `undefined` if it has none. */
export function stepOf(handler: ReturnType<ExecutionContext['getHandler']>): RouteStep | undefined {
  return reflector.get<RouteStep | undefined>(stepKey, handler)
}

/** Reads the body as the decorator of the route says, under the options of the module. */
@Injectable()
export class BodyInterceptor implements NestInterceptor {
  readonly #mount: MountStep | undefined

  constructor(@Optional() @Inject(mountToken) mount?: MountStep) {
    this.#mount = mount
  }

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp()
    const body = bodyOf(http.getRequest<PlatformRequest>(), http.getResponse<PlatformResponse>())
    const fail = async (error: unknown): Promise<never> => {
      throw await exceptionOf(error, body)
    }
    try {
      if (this.#mount !== undefined) await body.run(this.#mount)
      await body.run(stepOf(context.getHandler())!)
    } catch (error) {
      return fail(error)
    }
    return next.handle().pipe(catchError(fail))
  }
}

/** What Nest gets for an error of a body, or of the handler. */
async function exceptionOf(error: unknown, body: RequestBody): Promise<unknown> {
  const reaction = await body.react(error)
  if (!(error instanceof BodyError) || error.status >= 500) return error
  if (reaction.kind !== 'pass on') return new AnsweredException(error, reaction)
  for (const [name, value] of Object.entries(error.headers)) body.source.response.setHeader(name, value)
  return new BodyException(error)
}
