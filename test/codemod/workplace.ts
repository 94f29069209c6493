/** Apps on the disk, which plain Node runs with the built packages. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-5'
import { onTestFinished } from 'vitest'
import type { Files } from './apps.js'

const cache = fileURLToPath(new URL('../node_modules/.cache/codemod/', import.meta.url))

/** Writes an app into a directory of its own, which is the working directory until the test has ended. */
export function writeApp(files: Files): string {
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(cache)
  const before = process.cwd()
  onTestFinished(() => {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  })
  process.chdir(folder)
  for (const [name, text] of Object.entries({ 'package.json': '{}\n', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

export function readApp(folder: string, names: readonly string[]): Files {
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}

/** Runs `app.js` or `app.ts` of an app. @returns what it exports */
export function start(folder: string, name: string): any {
  const path = join(folder, name)
  const require = createRequire(path)
  if (!name.endsWith('.ts')) return unwrap(require(path))
  const compiled = path.replace(/ts$/, 'cjs')
  const compilerOptions = {
    module: ts.ModuleKind.CommonJS,
    target: ts.ScriptTarget.ES2023,
    esModuleInterop: true,
  }
  writeFileSync(compiled, ts.transpileModule(readFileSync(path, 'utf8'), { compilerOptions }).outputText)
  return unwrap(require(compiled))
}

function unwrap(exported: any): any {
  return exported.default ?? exported
}
