/** The menu of the API reference, which TypeDoc has written to site/api as a folder for each entry of a package. */
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('api/', import.meta.url))

/** Empty before the reference has been written. */
export function apiSidebar() {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) =>
    file.replaceAll('\\', '/'),
  )
  const modules = files
    .filter((file) => file.endsWith('/index.md'))
    .map((file) => file.slice(0, -'/index.md'.length))
  return [
    { text: 'API reference', link: '/api/' },
    ...modules.toSorted().map((module) => ({
      // The column is narrow.
      text: module.replace('@formgate/', ''),
      link: `/api/${module}/`,
      collapsed: true,
      items: files
        .filter((file) => memberOf(module).test(file))
        .map((file) => ({ text: nameOf(file), link: `/api/${file.slice(0, -3)}` }))
        .toSorted((one, other) => one.text.localeCompare(other.text)),
    })),
  ]
}

/** The page of one name: `module/functions/name.md`. */
function memberOf(module) {
  return new RegExp(`^${module}/[a-z-]+/[^/]+(?<!index)\\.md$`)
}

function nameOf(file) {
  return file.slice(file.lastIndexOf('/') + 1, -3)
}
