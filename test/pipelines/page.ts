/** The modules that docs/pipelines.md shows. */
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { out, writeModule } from '../docs/modules.js'
import { readPages } from '../docs/pages.js'

const page = readPages().find(({ path }) => path === 'docs/pipelines.md')!
const paths = page.blocks
  .filter(({ code }) => /^\/\/ [\w-]+\.[jt]s\n/.test(code))
  .map((block) => writeModule(page, block).shown)

/** Loads a module of the page into this process. */
export async function load<Module>(name: string): Promise<Module> {
  const path = paths.find((each) => each.endsWith(`/${name}`))!
  return (await import(/* @vite-ignore */ path)) as Module
}

/** Writes all of them as JavaScript for Node alone. @returns their folder */
export async function compile(): Promise<string> {
  const input = Object.fromEntries(paths.map((path) => [path.replace(/^.*\/|\.[jt]s$/g, ''), path]))
  const bundle = await rolldown({ input, external: /^[^./]/ })
  const dir = join(out, 'docs-pipelines', 'compiled')
  await bundle.write({ dir, entryFileNames: '[name].mjs' })
  await bundle.close()
  return dir
}
