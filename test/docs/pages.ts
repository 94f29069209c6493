/** The pages that users read, and the fenced blocks on them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))

/** A page in Markdown. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
}

/** A fenced block. */
export interface Block {
  /** Where the code begins. */
  readonly line: number
  readonly language: string
  /** The rest of the line after the language: how to treat the block. */
  readonly mark: string
  readonly code: string
}

/** Pages whose blocks are fragments. */
const notRun = ['decisions', 'multipart-conformance.md']

/** Every page whose blocks run. */
export function readPages(): readonly Page[] {
  const packages = readdirSync(`${root}packages`).map((name) => `packages/${name}/README.md`)
  const docs = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !notRun.some((name) => path.startsWith(name)))
    .map((path) => `docs/${path}`)
  const site = readdirSync(`${root}site/pages`).map((name) => `site/pages/${name}`)
  return ['README.md', ...docs.toSorted(), ...packages, ...site]
    .filter((path) => existsSync(root + path))
    .map((path) => readPage(path))
}

function readPage(path: string): Page {
  const text = readFileSync(root + path, 'utf8')
  const lines = text.split('\n')
  const blocks: Block[] = []
  for (let at = 0; at < lines.length; at += 1) {
    const [, indent = '', fence = '', language = '', mark = ''] =
      /^( *)(`{3,})(\S*) ?(.*)$/.exec(lines[at]!) ?? []
    if (fence === '') continue
    const end = lines.indexOf(indent + fence, at + 1)
    if (end === -1) throw new Error(`${path}:${at + 1}: the block is not closed.`)
    const code = lines.slice(at + 1, end).map((line) => line.slice(indent.length))
    blocks.push({ line: at + 2, language, mark, code: `${code.join('\n')}\n` })
    at = end
  }
  return { path, text, blocks }
}
