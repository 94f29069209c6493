/** Writes each block of code to two files: as shown, for the type checker, and with a free port, to run. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, type Block, type Page } from './pages.js'

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

/** What the examples in docstrings stand in, for each package. */
const around: Readonly<Record<string, string>> = {
  core: `import { body, multipart, parsers } from '@formgate/express'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
const User = z.object({ name: z.string() })
`,
  express: `import express from 'express'\nconst app = express()\n`,
  koa: `import Koa from 'koa'\nimport { Router } from '@koa/router'\nconst app = new Koa()\nconst router = new Router()\n`,
  fastify: `import Fastify from 'fastify'\nconst app = Fastify()\n`,
  s3: `import { S3Client } from '@aws-sdk/client-s3'\nimport { multipart } from '@formgate/express'\n`,
}

/** Writes each example in a docstring to a file, for the type checker. @returns the paths of the files */
export function writeExamples(): readonly string[] {
  return Object.entries(around).flatMap(([name, before]) =>
    readdirSync(`${root}packages/${name}/src`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .flatMap((file) =>
        examplesIn(readFileSync(`${root}packages/${name}/src/${file}`, 'utf8')).map((code, at) => {
          const path = join(out, 'docstrings', name, `${file.replaceAll(/[/\\]|\.ts$/g, '-')}${at}.ts`)
          const used = names
            .split(' ')
            .filter((each) =>
              new RegExp(`(?<![.'\\w])${each}\\(|\\b${each}[\\],.(]|extends ${each}\\b`).test(code),
            )
          const own = used.filter((each) => !new RegExp(`[{ ]${each}[, ]`).test(before))
          const entry = name === 'core' && code.includes('fieldMessages') ? 'core/client' : name
          const imports = [
            own.length > 0 ? `import { ${own.join(', ')} } from '@formgate/${entry}'` : '',
            "import { createServer } from 'node:http'",
            "import { randomUUID } from 'node:crypto'",
            "import { z } from 'zod'",
          ]
          writeChanged(path, `${imports.join('\n')}\n${before}${code}\nexport {}\n`)
          return path
        }),
      ),
  )
}

/** The names of functions and classes that examples use. */
const names =
  'accept BaseParser body BodyError bytes createBodyParser disk fieldMessages FileUploadParser form hash JSONParser ' +
  'memory multipart openapi parsers problems s3 sniff spool stream UploadedFile'

function examplesIn(source: string): string[] {
  return [...source.matchAll(/^ *\* ```ts\n([^]*?)^ *\* ```$/gm)].map(([, code]) =>
    code!.replaceAll(/^ *\* ?/gm, ''),
  )
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
