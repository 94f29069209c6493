/** Type-checks the blocks as shown on the pages, against the sources. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { out } from './modules.js'
import { root } from './pages.js'

const project = join(out, 'tsconfig.json')

/** Writes the options of the compiler, which Vitest follows too, for these files. */
export function writeProject(files: readonly string[]): void {
  const packages = relative(out, `${root}packages`)
  const config = {
    extends: `${relative(out, root)}/tsconfig.base.json`,
    compilerOptions: {
      noEmit: true,
      allowJs: true,
      checkJs: true,
      // For Nest.
      experimentalDecorators: true,
      paths: {
        '@formgate/core/describe': [`${packages}/core/src/describe/index.ts`],
        '@formgate/core/*': [`${packages}/core/src/*.ts`],
        '@formgate/express/describe': [`${packages}/express/src/describe/index.ts`],
        '@formgate/koa/describe': [`${packages}/koa/src/describe/index.ts`],
        '@formgate/fastify/describe': [`${packages}/fastify/src/describe/index.ts`],
        '@formgate/*': [`${packages}/*/src/index.ts`],
      },
    },
    files: files.map((file) => `./${relative(out, file)}`),
  }
  writeFileSync(project, JSON.stringify(config, undefined, 2))
}

/** @returns the errors of the compiler, without those in the sources, which are checked elsewhere */
export async function typeCheck(): Promise<string> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  return promisify(execFile)(process.execPath, [tsc, '-p', project], { cwd: root }).then(
    () => '',
    (error: unknown) => {
      const complaints = String((error as { stdout?: string }).stdout).split(/^(?=\S)/m)
      return complaints.filter((each) => !each.startsWith('packages/')).join('')
    },
  )
}
