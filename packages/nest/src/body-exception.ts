/** The errors of a body as exceptions of Nest, and the filter that answers them. */
import { toProblem, type BodyError, type Problem } from '@formgate/core'
import type { Reaction } from '@formgate/core/adapter'
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import { sendAnswer, type PlatformResponse } from './platform.js'

/**
 * A `BodyError` with a 4xx status, as filters and interceptors of the app get it. Nest does not log it.
 *
 * `getResponse()` is the problem with `code`, `detail`, `hint` and `errors`; `cause` is the `BodyError`.
 */
export class BodyException extends HttpException {
  declare readonly cause: BodyError
  /** The body of the answer. */
  declare getResponse: () => Problem

  constructor(error: BodyError) {
    super(toProblem(error), error.status, { cause: error })
    this.message = error.message
  }
}

/** One that the filter of the route answers, under `errors: 'respond'`. */
export class AnsweredException extends BodyException {
  readonly reaction: Reaction

  constructor(error: BodyError, reaction: Reaction) {
    super(error)
    this.name = BodyException.name
    this.reaction = reaction
  }
}

/**
 * Answers errors as problem+json. It belongs to the route, so filters of the app that catch everything do not get them; with
 * `errors: 'next'` they do.
 */
@Catch(AnsweredException)
export class ProblemFilter implements ExceptionFilter<AnsweredException> {
  catch({ reaction }: AnsweredException, host: ArgumentsHost): void {
    // Otherwise the client is gone.
    if (reaction.kind === 'answer') sendAnswer(host.switchToHttp().getResponse<PlatformResponse>(), reaction)
  }
}
