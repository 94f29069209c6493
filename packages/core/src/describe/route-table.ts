/** What an app accepts, as a table for people. */
import { defaultLimits, type Limits } from '../limits.js'
import type { AcceptedFiles, RouteDescription } from './describe-route.js'

const heads = ['method', 'path', 'reads', 'media types', 'files', 'storage', 'limits', 'notes']

/**
 * A table in Markdown of what `describe(app)` returned.
 *
 * Sizes are in bytes, KiB and MiB. Under `limits` stand those that are not the defaults.
 */
export function routeTable(routes: readonly RouteDescription[]): string {
  const rows = [heads, heads.map(() => '---'), ...routes.map(cells)]
  return rows.map((row) => `| ${row.join(' | ')} |\n`).join('')
}

function cells(route: RouteDescription): readonly string[] {
  const { data, schema, storages, inspectors, errors, notes } = route
  const types = route.mediaTypes.map(({ type, maxSize }) => `${code(type)} up to ${size(maxSize)}`)
  if (schema !== undefined) types.push(`typed by ${schema.vendor}`)
  else if (data !== 'as sent') types.push(`raw: ${data}`)
  const places = [...storages, ...inspectors.map((name) => `inspected by ${name}`)]
  const said = errors === 'next' ? ["errors go to the app's own handler", ...notes] : notes
  return [
    route.method,
    code(route.path),
    route.reads,
    list(types),
    list(route.files.map(filesText)),
    list(route.files.length > 0 ? places : []),
    list(route.limits === undefined ? [] : changedLimits(route.limits)),
    list(said),
  ]
}

function filesText({ field, maxSize, maxCount, types }: AcceptedFiles): string {
  const count = maxCount === Infinity ? 'any number' : String(maxCount)
  return `${code(field)}: ${count} of up to ${size(maxSize)}, ${types.map(code).join(' ')}`
}

function changedLimits(limits: Limits): readonly string[] {
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
  return unit === undefined ? `${bytes} bytes` : `${bytes / unit[0]} ${unit[1]}`
}

/** A cell of several things. */
function list(things: readonly string[]): string {
  return things.join('; ')
}

/** A path may hold what ends a cell, and a field's name anything. */
function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|').replace(/[`\r\n]/g, ' ')}\``
}
