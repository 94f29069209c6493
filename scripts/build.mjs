/**
 * Builds the packages: tsc checks their types and writes the declarations, rolldown joins their modules.
 *
 * The code of a package exists once, as CommonJS. Its modules for `import` hand on what the others export
 * (docs/decisions/0022-one-build-for-both-module-systems.md). A package with few files is imported in a third of the
 * time, and takes less memory (docs/decisions/0017-packages-are-bundled.md).
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, relative } from 'node:path'
import { rolldown } from 'rolldown'
import { root, run } from './run.mjs'

const require = createRequire(import.meta.url)

/**
 * A package with something to build.
 * @typedef {object} Package
 * @property {string} folder with a slash at its end
 * @property {Record<string, string>} input The source of each entry, by its name in `dist`
 * @property {Record<string, string>} browserInput The same for entries that also run in browsers
 * @property {RegExp[]} external
 */

const packages = readdirSync(`${root}packages`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => readPackage(`${root}packages/${name}/`))

/** What file-type's readers of archives log with. Nobody reads that here. */
const withoutDebug = {
  name: 'without-debug',
  resolveId: (/** @type {string} */ id) => (id === 'debug' ? '\0debug' : null),
  load: (/** @type {string} */ id) => (id === '\0debug' ? 'export default () => () => {}' : null),
}

for (const each of packages) declareModules(each)
const status = run('tsc', '-b', 'packages')
if (status !== 0) process.exit(status)
for (const each of packages) await bundle(each)
for (const each of packages) writeModules(each)

/**
 * @param {string} folder
 * @returns {Package}
 */
function readPackage(folder) {
  const manifest = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'))
  const entries = Object.values(manifest.exports)
  const others = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  return {
    folder,
    input: sourcesOf(entries.map((entry) => entry.default.default)),
    browserInput: sourcesOf(
      entries.flatMap(({ import: { node, default: other } }) => (node === undefined ? [] : [other])),
    ),
    external: [/^node:/, ...others.map((name) => new RegExp(`^${name}(/|$)`))],
  }

  /** @param {string[]} files */
  function sourcesOf(files) {
    const names = files.map((file) => file.replace(/^\.\/dist\/|(?:\.browser)?\.m?js$/g, ''))
    return Object.fromEntries(names.map((name) => [name, `${folder}src/${name}.ts`]))
  }
}

/**
 * Writes the declarations of the modules for `import`, which tsc needs to check other packages.
 * @param {Package} built
 */
function declareModules({ folder, input }) {
  for (const name of Object.keys(input)) {
    mkdirSync(dirname(`${folder}dist/${name}`), { recursive: true })
    writeFileSync(`${folder}dist/${name}.d.mts`, `export * from './${name.replace(/^.*\//, '')}.js'\n`)
  }
  writeFileSync(`${folder}dist/package.json`, '{ "type": "commonjs", "sideEffects": false }\n')
}

/**
 * Writes one file for each entry in `exports`, and files for the code that entries share.
 * @param {Package} built
 */
async function bundle({ folder, input, browserInput, external }) {
  const written = await write({ input, platform: 'node', external }, { format: 'cjs', extension: 'js' })
  if (Object.keys(browserInput).length > 0) {
    const output = { format: 'esm', extension: 'browser.mjs' }
    written.push(...(await write({ input: browserInput, platform: 'browser' }, output)))
  }
  const files = new Set(written.map(({ fileName }) => fileName))
  for (const name of readdirSync(`${folder}dist`, { recursive: true, encoding: 'utf8' })) {
    if (/\.m?js(\.map)?$/.test(name) && !files.has(name)) rmSync(`${folder}dist/${name}`)
  }

  async function write(options, { format, extension }) {
    const bundled = await rolldown({
      ...options,
      plugins: [withoutDebug],
      onLog: (_, { message }) => {
        throw new Error(message)
      },
    })
    const { output } = await bundled.write({
      dir: `${folder}dist`,
      format,
      entryFileNames: `[name].${extension}`,
      chunkFileNames: `shared-[hash].${extension}`,
      // One file for all that entries share: a call from one file of CommonJS to another looks up a property.
      codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] },
      // The package ships the sources with their comments, and source maps to them.
      comments: { annotation: true, jsdoc: false, legal: true },
      // With one character outside Latin-1, V8 keeps two bytes for each character of the file.
      charset: 'ascii',
      sourcemap: true,
    })
    await bundled.close()
    return output
  }
}

/**
 * Writes the modules for `import`. Importing by `default` saves Node the search for names in the other file.
 * @param {Package} built
 */
function writeModules({ folder, input }) {
  for (const name of Object.keys(input)) {
    const file = `./${name.replace(/^.*\//, '')}.js`
    const names = Object.keys(require(`${folder}dist/${name}.js`))
    writeFileSync(
      `${folder}dist/${name}.mjs`,
      `import formgate from '${file}'\nexport const { ${names.join(', ')} } = formgate\n`,
    )
  }
}
