/** The API reference: pages of Markdown from the docstrings of every name that a package exports. */
import { readdirSync, readFileSync } from 'node:fs'

const packages = new URL('../packages/', import.meta.url)

const names = readdirSync(packages, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

/** The source of every entry that a package has in its `exports`. */
const entryPoints = names.flatMap((name) => {
  const manifest = JSON.parse(readFileSync(new URL(`${name}/package.json`, packages), 'utf8'))
  return Object.values(manifest.exports ?? {}).map((entry) => {
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
  packagesRequiringDocumentation: names.map((name) => `@formgate/${name}`),
  requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Function', 'Variable', 'Enum'],
  // Methods of types that are documented as a whole, and of an interface that is not Formgate's.
  intentionallyNotDocumented: [
    '@formgate/core.ErrorListener.__type.listen',
    '@formgate/core.FileFilter.__type.filter',
    '@formgate/core.Inspector.__type.inspect',
    '@formgate/core.LimitsOption.__type.limits',
    '@formgate/core.PlainTextParser.readText',
    '@formgate/core.ProgressListener.__type.listen',
    '@formgate/core.Schema.~standard.__type.validate',
    '@formgate/pipelines.MulterEngine._handleFile',
    '@formgate/pipelines.MulterEngine._removeFile',
  ],
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
