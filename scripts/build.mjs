/**
 * Builds the packages: tsc checks their types and writes the declarations, rolldown joins their modules.
 *
 * A package with few files is imported in a third of the time, and takes less memory (docs/decisions/0017-packages-are-bundled.md).
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { rolldown } from 'rolldown'
import { root, run } from './run.mjs'

const status = run('tsc', '-b', 'packages')
if (status !== 0) process.exit(status)
for (const entry of readdirSync(`${root}packages`, { withFileTypes: true })) {
  if (entry.isDirectory()) await bundle(`${root}packages/${entry.name}/`)
}

/**
 * Writes one file for each entry in `exports`, and files for the code that entries share.
 * @param {string} folder of a package, with a slash at its end
 */
async function bundle(folder) {
  const manifest = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'))
  const names = Object.values(manifest.exports).map((entry) =>
    entry.default.replace(/^\.\/dist\/|\.js$/g, ''),
  )
  const input = Object.fromEntries(names.map((name) => [name, `${folder}src/${name}.ts`]))
  const others = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  const bundled = await rolldown({
    input,
    platform: 'node',
    external: [/^node:/, ...others.map((name) => new RegExp(`^${name}(/|$)`))],
    onLog: (_, { message }) => {
      throw new Error(message)
    },
  })
  const { output } = await bundled.write({
    dir: `${folder}dist`,
    chunkFileNames: 'shared-[hash].js',
    // The package ships the sources with their comments, and source maps to them.
    comments: { annotation: true, jsdoc: false, legal: true },
    // With one character outside Latin-1, V8 keeps two bytes for each character of the file.
    charset: 'ascii',
    sourcemap: true,
  })
  await bundled.close()
  const written = new Set(output.map(({ fileName }) => fileName))
  for (const name of readdirSync(`${folder}dist`, { recursive: true, encoding: 'utf8' })) {
    if (/\.js(\.map)?$/.test(name) && !written.has(name)) rmSync(`${folder}dist/${name}`)
  }
}
