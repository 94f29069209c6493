/** Validates a value with a schema. */
import type { $ZodCheck, $ZodErrorMap, ParsePayload } from 'zod/v4/core'
import type { ZodMiniType } from 'zod/v4-mini'
import { BodyError, type FieldIssue } from '../errors.js'
import { defaultLimits } from '../limits.js'
import { partsOf, reachable } from './form-node.js'
import { type IssueList, readStandardIssues, readZodIssues } from './issues.js'
import { isZodSchema, nodeOf, type ZodSchema } from './read-zod.js'
import type { Schema } from './schema.js'

export interface ValidateOptions {
  /** The HTTP status of an invalid value. Default 422. */
  readonly status?: number | undefined
  /** How many issues the error lists; the rest are counted. Default 100. */
  readonly issues?: number
}

/** What schemas of zod and zod/mini have. */
type RunningSchema = ZodMiniType & ZodSchema

/**
 * Validates a value, with every refinement run once.
 *
 * @returns the output of the schema
 * @throws BodyError `VALIDATION_FAILED` with all issues, without the submitted values. An error that the schema throws
 * passes through: it is a fault of the server.
 */
export async function validate<Output>(
  schema: Schema<Output>,
  value: unknown,
  options: ValidateOptions = {},
): Promise<Output> {
  const { issues: most = defaultLimits.issues } = options
  if (isRunning(schema)) {
    const error = boundedMessages(most)
    // Decided beforehand: a synchronous run that meets an asynchronous refinement has run others already.
    const result = await schema._zod.run({ value, issues: [] }, { async: !isSynchronous(schema), error })
    if (result.issues.length === 0) return result.value as Output
    throw validationFailed(finishIssues(schema, result, most, error, value), options)
  }
  const result = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  throw validationFailed(readStandardIssues(result.issues, value, most), options)
}

function isRunning(schema: object): schema is RunningSchema {
  if (!isZodSchema(schema)) return false
  const { _zod, clone, safeParse } = schema as Partial<RunningSchema>
  return typeof _zod?.run === 'function' && typeof clone === 'function' && typeof safeParse === 'function'
}

const synchronous = new WeakMap<ZodSchema, boolean>()

/** True if nothing in a schema can return a promise: no refinement, transform or codec. */
function isSynchronous(schema: ZodSchema): boolean {
  let answer = synchronous.get(schema)
  if (answer === undefined) {
    answer = ![...reachable([nodeOf(schema)], partsOf)].some((node) => node.runsCode)
    synchronous.set(schema, answer)
  }
  return answer
}

/**
 * Leaves the messages of the first issues to zod and gives the rest a constant one. Zod makes the messages in a union
 * while it parses, for every option.
 */
function boundedMessages(most: number): $ZodErrorMap {
  let left = 500 * most
  return ({ values }) => {
    left -= 1 + (Array.isArray(values) ? values.length : 0)
    return left < 0 ? 'Invalid input' : undefined
  }
}

/** The issues that one check of a schema has with a value, in the words of the schema. */
export function issuesOf(schema: object, check: unknown, value: unknown): readonly FieldIssue[] {
  if (!isRunning(schema)) return []
  const { error } = schema
    .clone({ ...schema._zod.def, checks: [check as $ZodCheck] })
    .safeParse(value, { error: () => undefined })
  return readZodIssues(error?.issues ?? [], 1, [], value).errors
}

const replays = new WeakMap<
  RunningSchema,
  { readonly schema: RunningSchema; issues: ParsePayload['issues'] }
>()

/**
 * Lets zod make the messages of the listed issues only. `safeParse()` would make all of them, and up to zod 4.4 also one
 * text of all issues, which may exceed the maximum length of a string.
 */
function finishIssues(
  schema: RunningSchema,
  { issues }: ParsePayload,
  most: number,
  error: $ZodErrorMap,
  value: unknown,
): IssueList {
  let replay = replays.get(schema)
  if (replay === undefined) {
    // A schema of the same zod, with its locale, that reports the issues it is given.
    const made = { schema: schema.clone(schema._zod.def), issues: [] as ParsePayload['issues'] }
    made.schema._zod.run = (payload) => {
      payload.issues.push(...made.issues)
      return payload
    }
    replays.set(schema, (replay = made))
  }
  replay.issues = issues.slice(0, most)
  const finished = most === 0 ? undefined : replay.schema.safeParse(undefined, { error }).error
  replay.issues = []
  return readZodIssues(finished?.issues ?? [], most, issues.slice(most), value)
}

function validationFailed({ errors, more }: IssueList, { status }: ValidateOptions): BodyError {
  return new BodyError('VALIDATION_FAILED', {
    errors,
    ...(more > 0 && { moreErrors: more }),
    status,
  })
}
