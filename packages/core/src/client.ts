/** For the page that sends a form: where the messages of a refused one belong. Runs in browsers, and imports nothing. */

/** What of a problem answer is read here. */
interface Refusal {
  readonly detail?: unknown
  readonly field?: unknown
  readonly errors?: unknown
}

interface Issue {
  readonly path: string
  readonly message: string
}

/**
 * The messages of a refused form, by the inputs that they belong to.
 *
 * ```js
 * const names = [...form.elements].map((input) => input.name)
 * for (const [name, messages] of fieldMessages(await response.json(), names)) show(name, messages)
 * ```
 *
 * @param problem the body of a problem answer, whatever its status
 * @param names of the inputs, in any spelling: `items[0].price`, `items[0][price]`, `tags[]`
 * @returns messages by the names that were given. An issue inside an input's value (one of several files, JSON in a
 * text area) belongs to that input; what belongs to none stands under `''`, so that no message is lost.
 */
export function fieldMessages(problem: unknown, names: Iterable<string>): Map<string, string[]> {
  const inputs = new Map<string, string>()
  for (const name of names) if (name !== '') inputs.set(keysOf(name).join('.'), name)
  const messages = new Map<string, string[]>()
  for (const { path, message } of issuesOf(problem)) {
    const keys = keysOf(path)
    while (keys.length > 0 && !inputs.has(keys.join('.'))) keys.pop()
    const name = inputs.get(keys.join('.')) ?? ''
    const list = messages.get(name)
    if (list === undefined) messages.set(name, [message])
    else if (!list.includes(message)) list.push(message)
  }
  return messages
}

/** Every issue of a 422; of any other problem its detail, at the field that it names. */
function issuesOf(problem: unknown): readonly Issue[] {
  if (typeof problem !== 'object' || problem === null) return []
  const { errors, detail, field }: Refusal = problem
  if (Array.isArray(errors)) return errors.filter(isIssue)
  return typeof detail === 'string' ? [{ path: typeof field === 'string' ? field : '', message: detail }] : []
}

function isIssue(value: unknown): value is Issue {
  const { path, message } = (value ?? {}) as Partial<Issue>
  return typeof path === 'string' && typeof message === 'string'
}

function keysOf(path: string): string[] {
  return path.split(/[.[\]]+/).filter((key) => key !== '')
}
