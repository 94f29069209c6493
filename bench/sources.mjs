/** Imports modules of core that the package does not export. */
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const core = new URL('../packages/core/', import.meta.url)

/**
 * Bundles modules as the build does, and imports them.
 *
 * @param {readonly string[]} names their paths in `src`, without `.ts`
 * @returns {Promise<Record<string, any>>} all that they export
 */
export async function importSources(...names) {
  const bundle = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, fileURLToPath(new URL(`src/${name}.ts`, core))])),
    platform: 'node',
    external: [/^node:/, 'busboy', 'file-type', 'zod'],
  })
  // From this directory Node finds the dependencies of the package.
  const folder = new URL('node_modules/.cache/bench/', core)
  await bundle.write({
    dir: fileURLToPath(folder),
    entryFileNames: '[name].mjs',
    chunkFileNames: '[hash].mjs',
  })
  await bundle.close()
  const modules = await Promise.all(names.map((name) => import(new URL(`${name}.mjs`, folder).href)))
  return Object.assign({}, ...modules)
}
