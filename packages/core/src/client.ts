/** Matches the messages of a problem answer to the inputs of a page. Runs in browsers. */

/** The properties of a problem answer that are used here. */
interface Answer {
  readonly detail?: unknown
  readonly field?: unknown
  readonly errors?: unknown
}

interface Issue {
  readonly path: string
  readonly message: string
}

/**
 * The messages of a refused form, grouped by input.
 *
 * ```js
 * const names = [...form.elements].map((input) => input.name)
 * for (const [name, messages] of fieldMessages(await response.json(), names)) show(name, messages)
 * ```
 *
 * @param problem the body of a problem answer with any status
 * @param names of the inputs, in any spelling: `items[0].price`, `items[0][price]`, `tags[]`
 * @returns messages by the given names. An issue inside an input's value, such as one of several files or JSON in a text
 * area, belongs to that input. Messages that belong to no input are under `''`.
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

/** The issues of a 422, or else the detail of the problem, at the field that it names. */
function issuesOf(problem: unknown): readonly Issue[] {
  if (typeof problem !== 'object' || problem === null) return []
  const { errors, detail, field }: Answer = problem
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
