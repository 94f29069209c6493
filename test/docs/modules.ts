/** Blocks of code as files: one to be type-checked as it stands, one that listens on a port that is free. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Block, Page } from './pages.js'

/** Everything that the blocks write; git does not see it. */
export const out: string = fileURLToPath(new URL('.out/', import.meta.url))

/** Where the blocks run: the working directory of apps and clients, with the files that the pages send. */
export const workplace: string = join(out, 'workplace')

/** A block of code with its place on the disk. */
export interface Module {
  /** As the page shows it. */
  readonly shown: string
  /** The same, on a port that is free; exports what listens as `started`. */
  readonly run: string
  readonly listens: boolean
}

const named = /^\/\/ ([\w-]+\.[jt]s)\n/
const listening = /^(?:await )?(?:app|server)\.listen\((?:3000|\{ port: 3000 \})\)$/gm

/** Empties the workplace and puts in it what a page may take for granted. */
export function prepare(): void {
  rmSync(workplace, { recursive: true, force: true })
  mkdirSync(workplace, { recursive: true })
  const files: Record<string, string | Buffer> = {
    'photo.png': Buffer.from('89504e470d0a1a0a0000', 'hex'),
    // With as much of a PNG as sniff() wants to see.
    'bridge.png': Buffer.from('89504e470d0a1a0a0000000049444154', 'hex'),
    'notes.txt': 'line 1\nline 2\n',
    'orders.csv': 'item,count\nlamp,2\n',
    'large.bin': Buffer.alloc(300_000),
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(workplace, name), content)
}

/** Writes a block. Its first line may name the file, so that other blocks of the page can import it. */
export function writeModule(page: Page, block: Block): Module {
  const extension = block.language === 'js' ? 'mjs' : block.language
  const name = named.exec(block.code)?.[1] ?? `line-${block.line}.${extension}`
  const folder = page.path.replaceAll('/', '-').replace('.md', '')
  const shown = join(out, folder, 'shown', name)
  const run = join(out, folder, 'run', name)
  const starts = block.code.match(listening) ?? []
  if (starts.length > 1) throw new Error(`${page.path}:${block.line}: two apps listen.`)
  // A page tells its readers to copy the suite; here the suite itself stands in for the copy.
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
  return start.startsWith('await ')
    ? "await app.listen({ port: 0, host: '127.0.0.1' })\nexport const started = app.server"
    : `export const started = ${start.replace('3000', '0')}`
}

/** A file that is written again although it is the same would make a watching Vitest start over, for ever. */
function writeChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
