/**
 * Builds the packages: tsc checks their types and writes the declarations, rolldown joins their modules.
 *
 * The code of a package exists once, as CommonJS. Its modules for `import` hand on what the others export
 * (docs/decisions/0023-one-build-for-both-module-systems.md). A package with few files is imported in a third of the
 * time, and takes less memory (docs/decisions/0017-packages-are-bundled.md).
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
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

/**
 * file-type's readers of archives log with it, if DEBUG is set.
 * @type {import('rolldown').Plugin}
 */
const withoutDebug = {
  name: 'without-debug',
  resolveId: (id) => (id === 'debug' ? '\0debug' : null),
  load: (id) => (id === '\0debug' ? 'export default () => () => {}' : null),
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
  const chunks = await write(folder, { input, platform: 'node', external }, 'cjs', 'js')
  if (Object.keys(browserInput).length > 0)
    chunks.push(...(await write(folder, { input: browserInput, platform: 'browser' }, 'esm', 'browser.mjs')))
  for (const { fileName, map } of chunks) {
    if (map === null) continue
    // The package has the sources already, but not those of other packages.
    const sourcesContent = map.sources.map((source, index) =>
      source.includes('node_modules/') ? map.sourcesContent?.[index] : null,
    )
    writeFileSync(`${folder}dist/${fileName}.map`, JSON.stringify({ ...map, sourcesContent }))
  }
  const files = new Set(chunks.flatMap(({ fileName }) => [fileName, `${fileName}.map`]))
  for (const name of readdirSync(`${folder}dist`, { recursive: true, encoding: 'utf8' })) {
    if (/\.m?js(\.map)?$/.test(name) && !files.has(name)) rmSync(`${folder}dist/${name}`)
  }
  writeNotices(folder, new Set(chunks.flatMap(({ moduleIds }) => moduleIds)))
}

/**
 * @param {string} folder
 * @param {import('rolldown').InputOptions} input
 * @param {'cjs' | 'esm'} format
 * @param {string} extension
 */
async function write(folder, input, format, extension) {
  const bundled = await rolldown({
    ...input,
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
  return output.filter((file) => file.type === 'chunk')
}

/**
 * Writes the licenses of the packages whose code is part of the build.
 * @param {string} folder
 * @param {Set<string>} modules their files
 */
function writeNotices(folder, modules) {
  const licenses = new Map()
  for (const file of modules) {
    const [other] = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []
    if (other === undefined || licenses.has(other)) continue
    const { name, version, license } = JSON.parse(readFileSync(`${other}/package.json`, 'utf8'))
    const text = readdirSync(other).find((each) => /^licen[cs]e/i.test(each))
    const full = text === undefined ? license : readFileSync(`${other}/${text}`, 'utf8').trim()
    licenses.set(other, `${name} ${version}\n\n${full}\n`)
  }
  if (licenses.size === 0) return
  writeFileSync(
    `${folder}dist/THIRD-PARTY-LICENSES.txt`,
    [...licenses.values()].join(`\n${'-'.repeat(72)}\n\n`),
  )
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
