import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findCurl } from '../clients/programs.js'
import { prepare, workplace, writeModule } from './modules.js'
import { PageRun } from './page-run.js'
import { readPages, type Block } from './pages.js'
import { typeCheck } from './type-check.js'

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

const home = process.cwd()
beforeAll(() => process.chdir(workplace))
afterAll(() => process.chdir(home))

test('every block of code passes the type checker', async () => {
  const current = [...modules].filter(([{ mark }]) => mark !== 'old')
  expect(await typeCheck(current.map(([, { shown }]) => shown))).toBe('')
})

const running = pages.filter(({ blocks }) => blocks.length > 0)
describe.each(running.map((page) => [page.path, page] as const))('%s', (_path, page) => {
  const run = new PageRun(page, modules)
  afterAll(() => run.close())

  for (const block of page.blocks) {
    const { line, language, mark, code } = block
    const isCurl = ['json', 'http'].includes(language) || code.includes('curl ')
    const title = `line ${line}: ${language} ${mark}`.trimEnd()
    test.skipIf(isCurl && !hasCurl)(`${title} does what the page says`, () => expectToRun(run, block))
  }
})

// These declare their own tests, which is only possible while this file is collected.
for (const [{ mark }, { run }] of modules) {
  if (mark === 'suite') await import(/* @vite-ignore */ run)
}

function expectToRun(run: PageRun, block: Block): Promise<void> {
  return run.expectToRun(block)
}
