/** Writes each block of code to two files: as shown, for the type checker, and with a free port, to run. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Block, Page } from './pages.js'

/** The folder for all these files, which git ignores. */
export const out: string = fileURLToPath(new URL('.out/', import.meta.url))

/** The working directory of apps and clients, with the files that the pages send. */
export const workplace: string = join(out, 'workplace')

/** The files of a block of code. */
export interface Module {
  /** The path of the code as the page shows it. */
  readonly shown: string
  /** The path of the same code on a free port; it exports its server as `started`. */
  readonly run: string
  readonly listens: boolean
}

const named = /^\/\/ ([\w-]+\.[jt]s)\n/
const listening = /^(?:await )?(?:app|server)\.listen\((?:3000|\{ port: 3000 \})\)$/gm

/** Empties the workplace and writes the files that the pages send. */
export function prepare(): void {
  rmSync(workplace, { recursive: true, force: true })
  mkdirSync(workplace, { recursive: true })
  const files: Record<string, string | Buffer> = {
    'photo.png': Buffer.from('89504e470d0a1a0a0000', 'hex'),
    // With as much of a PNG as sniff() needs.
    'bridge.png': Buffer.from('89504e470d0a1a0a0000000049444154', 'hex'),
    // One pixel.
    'dot.png': Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    ),
    'notes.txt': 'line 1\nline 2\n',
    'latin1.txt': Buffer.from('café', 'latin1'),
    'orders.csv': 'item,count\nlamp,2\n',
    'large.bin': Buffer.alloc(300_000),
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(workplace, name), content)
}

/** Writes a block. A comment in its first line names the file, for other blocks of the page to import. */
export function writeModule(page: Page, block: Block): Module {
  const extension = block.language === 'js' ? 'mjs' : block.language
  const name = named.exec(block.code)?.[1] ?? `line-${block.line}.${extension}`
  const folder = page.path.replaceAll('/', '-').replace('.md', '')
  const shown = join(out, folder, 'shown', name)
  const run = join(out, folder, 'run', name)
  const starts = block.code.match(listening) ?? []
  if (starts.length > 1) throw new Error(`${page.path}:${block.line}: a block may start only one app.`)
  // In place of the copy that the page tells its readers to make.
  const suite = "export * from '../../../../storage-contract.js'\n"
  for (const [path, code] of [
    [shown, block.code],
    [run, block.code.replace(listening, onFreePort)],
  ] as const) {
    writeChanged(path, code)
    if (code.includes("'./storage-contract.js'"))
      writeChanged(join(dirname(path), 'storage-contract.ts'), suite)
  }
  return { shown, run, listens: starts.length === 1 }
}

function onFreePort(start: string): string {
  return start.includes('{')
    ? "await app.listen({ port: 0, host: '127.0.0.1' })\nexport const started = app.server"
    : `export const started = ${start.replace('3000', '0')}`
}

/** Leaves an unchanged file alone: writing it again would restart a watching Vitest forever. */
function writeChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
