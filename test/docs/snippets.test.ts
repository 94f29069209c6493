import { createServer } from 'node:http'
import { isBuiltin } from 'node:module'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Logger } from '@nestjs/common'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findCurl } from '../clients/programs.js'
import { startFakeStore } from '../direct/fake-store.js'
import { clamd } from './clamd.js'
import { prepare, workplace, writeExamples, writeModule } from './modules.js'
import { PageRun } from './page-run.js'
import { readPages, type Block } from './pages.js'
import { typeCheck, writeProject } from './type-check.js'

const pages = readPages()
const hasCurl = (await findCurl()) !== undefined
prepare()
const modules = new Map(
  pages.flatMap((page) =>
    page.blocks
      .filter(({ language }) => ['js', 'ts'].includes(language))
      .map((block) => [block, writeModule(page, block)]),
  ),
)

// The types are those of the oldest Node, which has no SQLite.
const current = [...modules].filter(([{ mark }]) => mark !== 'old' && mark !== 'sqlite')
writeProject([...current.map(([, { shown }]) => shown), ...writeExamples()])

const home = process.cwd()
const upstream = createServer((req, res) => {
  void text(req).then((body) => res.end(JSON.stringify({ upstream: body })))
}).listen(0, '127.0.0.1')
const store = await startFakeStore()
beforeAll(() => {
  process.chdir(workplace)
  Logger.overrideLogger(false)
  // Of the apps with a bucket.
  Object.assign(process.env, store.env, { UPLOAD_SECRET: 'a secret of at least 32 characters' })
  // Of the scanner and the proxies on the pages.
  process.env['CLAMD_PORT'] = String((clamd.address() as AddressInfo).port)
  process.env['UPSTREAM'] = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
})
afterAll(() => {
  process.chdir(home)
  upstream.close()
  store.close()
  clamd.close()
})

test('every block of code passes the type checker', async () => {
  expect(await typeCheck()).toBe('')
})

const running = pages.filter(({ blocks }) => blocks.length > 0)
describe.each(running.map((page) => [page.path, page] as const))('%s', (_path, page) => {
  const run = new PageRun(page, modules)
  afterAll(() => run.close())

  // An app that needs SQLite, and the requests to it: test/pipelines/rows.test.ts runs it with a newer Node.
  let isMissing = false
  for (const block of page.blocks) {
    const { line, language, mark, code } = block
    if (mark === 'sqlite') isMissing = !isBuiltin('node:sqlite')
    else if (modules.get(block)?.listens) isMissing = false
    const isCurl = ['json', 'http'].includes(language) || code.includes('curl ')
    const title = `line ${line}: ${language} ${mark}`.trimEnd()
    test.skipIf((isCurl && !hasCurl) || isMissing)(`${title} does what the page says`, () =>
      expectToRun(run, block),
    )
  }
})

// These declare their own tests, which is only possible while this file is collected.
for (const [{ mark }, { run }] of modules) {
  if (mark === 'suite') await import(/* @vite-ignore */ run)
}

function expectToRun(run: PageRun, block: Block): Promise<void> {
  return run.expectToRun(block)
}
