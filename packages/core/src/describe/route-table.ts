/** Descriptions of routes as a table. */
import { counted } from '../http/shown-text.js'
import { defaultLimits, type Limits } from '../limits.js'
import type { AcceptedFiles, Dependent, RouteDescription } from './describe-route.js'

const heads = ['method', 'path', 'reads', 'media types', 'files', 'storage', 'limits', 'notes']

/**
 * Formats the result of `describe(app)` as a Markdown table. The column `limits` shows those that differ from the defaults.
 */
export function routeTable(routes: readonly RouteDescription[]): string {
  const rows = [heads, heads.map(() => '---'), ...routes.map(cells)]
  return rows.map((row) => `| ${row.join(' | ')} |\n`).join('')
}

function cells(route: RouteDescription): readonly string[] {
  const { data, schema, storages, inspectors, errors, notes } = route
  const types = route.mediaTypes.map(({ type, maxSize }) =>
    typeof maxSize === 'string' ? code(type) : `${code(type)} up to ${size(maxSize)}`,
  )
  if (schema !== undefined) types.push(`typed by ${schema.vendor}`)
  else if (data !== 'as sent') types.push(`raw: ${data}`)
  const storing = [...storages, ...inspectors.map((name) => `inspected by ${name}`)]
  const allNotes = errors === 'next' ? ["errors go to the app's own handler", ...notes] : notes
  return [
    route.method,
    code(route.path),
    route.reads,
    list(types),
    list(route.files.map(filesText)),
    list(route.files.length > 0 ? storing : []),
    list(route.limits === undefined ? [] : changedLimits(route.limits)),
    list(allNotes),
  ]
}

function filesText({ field, maxSize, maxCount, types }: AcceptedFiles): string {
  if (typeof maxSize === 'string') return `${code(field)}: ${types.map(code).join(' ')}`
  const count = maxCount === Infinity ? 'any number' : String(maxCount)
  return `${code(field)}: ${count} of up to ${size(maxSize)}, ${types.map(code).join(' ')}`
}

function changedLimits(limits: Limits | Dependent): readonly string[] {
  if (typeof limits === 'string') return [limits]
  return Object.entries(limits)
    .filter(([name, limit]) => limit !== defaultLimits[name as keyof Limits])
    .map(([name, limit]) => `${name} ${limit === Infinity ? 'off' : limit}`)
}

const units = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
] as const

function size(bytes: number): string {
  if (bytes === Infinity) return 'any size'
  const unit = units.find(([factor]) => bytes >= factor && bytes % factor === 0)
  return unit === undefined ? counted(bytes, 'byte') : `${bytes / unit[0]} ${unit[1]}`
}

function list(items: readonly string[]): string {
  return items.join('; ')
}

/** Escapes what would end a cell. */
function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|').replace(/[`\r\n]/g, ' ')}\``
}
