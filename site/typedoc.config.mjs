/** The API reference: pages of Markdown from the docstrings of every name that a package exports. */
import { readdirSync, readFileSync } from 'node:fs'

const packages = new URL('../packages/', import.meta.url)

/** The source of every entry that a package has in its `exports`. */
const entryPoints = readdirSync(packages, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => {
    const manifest = JSON.parse(readFileSync(new URL(`${name}/package.json`, packages), 'utf8'))
    return Object.values(manifest.exports).map((entry) => {
      const file = entry.default.default.replace('./dist/', '').replace(/\.js$/, '.ts')
      return `../packages/${name}/src/${file}`
    })
  })

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  plugin: ['typedoc-plugin-markdown', './typedoc-names.mjs'],
  tsconfig: 'typedoc.tsconfig.json',
  entryPoints,
  out: 'api',
  readme: 'none',
  name: 'API reference',
  // The build has checked the types.
  skipErrorChecking: true,
  validation: { notDocumented: true, notExported: false, invalidLink: true },
  requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Function', 'Variable', 'Enum'],
  treatValidationWarningsAsErrors: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeProtected: false,
  excludeExternals: true,
  disableSources: true,
  githubPages: false,
  entryFileName: 'index',
  hidePageHeader: true,
  hideBreadcrumbs: true,
}
