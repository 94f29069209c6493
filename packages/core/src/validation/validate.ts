/** Asks a schema whether it takes a value. */
import { BodyError } from '../errors.js'
import { defaultLimits } from '../limits.js'
import { isOwnCodeOnly } from './author-code.js'
import type { IssueList } from './issue-list.js'
import { isZodSchema, type Schema, type ZodContext, type ZodPayload, type ZodSchema } from './schema.js'
import { readStandardIssues } from './standard-issues.js'
import { readZodIssues, type LeftOutIssue, type ZodIssue } from './zod-issues.js'

export interface ValidateOptions {
  /** The HTTP status of a value that does not fit. Default 422. */
  readonly status?: number
  /** How many issues the error may list; the rest are counted. Default 100. */
  readonly issues?: number
}

/** What schemas of zod and zod/mini have. */
interface RunningSchema extends ZodSchema {
  readonly _zod: ZodSchema['_zod'] & Required<Pick<ZodSchema['_zod'], 'run'>>
  clone(def: unknown): RunningSchema
  safeParse(
    value: unknown,
    parameters: { readonly error: ZodContext['error'] },
  ): { readonly error?: { readonly issues: readonly ZodIssue[] } }
}

/**
 * Validates a value, with every refinement run once.
 *
 * @returns what the schema makes of the value
 * @throws BodyError `VALIDATION_FAILED` with the issues at once, and without the values that were submitted.
 * Whatever the schema itself throws is thrown on: it is a fault of the server.
 */
export async function validate<Output>(
  schema: Schema<Output>,
  value: unknown,
  options: ValidateOptions = {},
): Promise<Output> {
  const { issues: most = defaultLimits.issues } = options
  if (isRunning(schema)) {
    const error = boundedMessages(most)
    // A schema with an asynchronous refinement would have run half of itself before it turned out to be one.
    const result = await schema._zod.run({ value, issues: [] }, { async: !isOwnCodeOnly(schema), error })
    if (result.issues.length === 0) return result.value as Output
    throw validationFailed(finishIssues(schema, result, most, error), options)
  }
  const result = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  throw validationFailed(readStandardIssues(result.issues, value, most), options)
}

function isRunning(schema: object): schema is RunningSchema {
  if (!isZodSchema(schema) || typeof schema._zod.run !== 'function') return false
  const { clone, safeParse } = schema as Partial<RunningSchema>
  return typeof clone === 'function' && typeof safeParse === 'function'
}

/**
 * Leaves the messages of the first issues to zod, and gives the rest one that costs nothing. Those in a union are made
 * while it is parsed, for each of its options.
 */
function boundedMessages(most: number): ZodContext['error'] {
  let left = 500 * most
  return ({ values }) => {
    left -= 1 + (values?.length ?? 0)
    return left < 0 ? 'Invalid input' : undefined
  }
}

const replays = new WeakMap<RunningSchema, { readonly schema: RunningSchema; issues: readonly unknown[] }>()

/**
 * Lets zod make the messages of as many issues as are listed. `safeParse()` would make those of all of them, and up to zod
 * 4.4 one text of all issues besides, which may be longer than a string can be.
 */
function finishIssues(
  schema: RunningSchema,
  { issues }: ZodPayload,
  most: number,
  error: ZodContext['error'],
): IssueList {
  let replay = replays.get(schema)
  if (replay === undefined) {
    // A schema of the same zod, with its language, that reports what it is told to.
    const made = { schema: schema.clone(schema._zod.def), issues: [] as readonly unknown[] }
    made.schema._zod.run = (payload) => {
      payload.issues.push(...made.issues)
      return payload
    }
    replays.set(schema, (replay = made))
  }
  replay.issues = issues.slice(0, most)
  const finished = most === 0 ? undefined : replay.schema.safeParse(undefined, { error }).error
  replay.issues = []
  return readZodIssues(finished?.issues ?? [], most, issues.slice(most) as readonly LeftOutIssue[])
}

function validationFailed({ errors, more }: IssueList, { status }: ValidateOptions): BodyError {
  return new BodyError('VALIDATION_FAILED', {
    errors,
    ...(more > 0 && { moreErrors: more }),
    ...(status !== undefined && { status }),
  })
}
