/** Runs the blocks of one page, in their order. */
import { expect } from 'vitest'
import { expectShown, promisedStatuses } from './answers.js'
import { checkNpm, checkSyntax, runClient, runNodeTests, runShell, type Output } from './commands.js'
import type { Module } from './modules.js'
import type { Block, Page } from './pages.js'
import { load, type RunningApp } from './run-app.js'

/**
 * The state of a page while its blocks run. A client calls the apps above it: several if they directly follow each other,
 * as the same app on three frameworks does.
 */
export class PageRun {
  readonly #blocks: readonly Block[]
  readonly #modules: ReadonlyMap<Block, Module>
  readonly #apps: RunningApp[] = []
  #outputs: Output[] = []
  #isAsked = false

  constructor({ blocks }: Page, modules: ReadonlyMap<Block, Module>) {
    this.#blocks = blocks
    this.#modules = modules
  }

  /** Runs, checks or compares a block, depending on its language and mark. */
  async expectToRun(block: Block): Promise<void> {
    const { language, mark, code } = block
    switch (`${language} ${mark}`.trim()) {
      case 'js':
      case 'ts':
      case 'js lambda':
      case 'js sqlite':
        return this.#start(block, mark === 'sqlite' ? '' : mark)
      case 'js client':
        return this.#ask((address) => runClient(this.#module(block), address))
      case 'js old':
        return checkSyntax(this.#module(block))
      case 'sh':
        return /^np[mx] /.test(code) ? code.trim().split('\n').forEach(checkNpm) : this.#type(block)
      case 'json':
      case 'http':
        return this.#expectAnswer(block)
      case 'js node-test':
        return runNodeTests(this.#module(block))
      case 'ts suite':
      case 'html':
      case 'text':
      case 'console':
        // A suite has declared its own tests; a page is what a browser shows, a text is a drawing, and scripts/newcomer.mjs
        // types what is on a console.
        return undefined
      default:
        // The name of a function of Google Cloud.
        if (language === 'js' && mark.startsWith('function ')) return this.#start(block, mark.slice(9))
        throw new Error(`Unknown kind of block: "${language} ${mark}".`)
    }
  }

  close(): void {
    for (const app of this.#apps.splice(0)) app.close()
  }

  async #start(block: Block, host: string): Promise<void> {
    const app = await load(this.#module(block), host)
    if (app === undefined) return
    if (this.#isAsked) this.close()
    this.#isAsked = false
    this.#apps.push(app)
  }

  async #type(block: Block): Promise<void> {
    await this.#ask((address) => runShell(block.code, address))
    const next = this.#blocks
      .slice(this.#blocks.indexOf(block) + 1)
      .find(({ language }) => language !== 'text')
    const isShown = next !== undefined && ['json', 'http'].includes(next.language)
    // With a comment, the status is not that of the answer.
    if (isShown && !/# \d{3}$/m.test(block.code)) return
    for (const { statuses } of this.#outputs) expect(statuses).toEqual(promisedStatuses(block.code))
    this.#outputs = this.#outputs.map(({ stdout }) => ({ stdout }))
  }

  async #ask(client: (address: string) => Promise<Output>): Promise<void> {
    if (this.#apps.length === 0) throw new Error('The page has no app above this block.')
    this.#isAsked = true
    this.#outputs = []
    for (const { address } of this.#apps) this.#outputs.push(await client(address))
  }

  #expectAnswer(block: Block): void {
    if (this.#outputs.length === 0) throw new Error('The page has no request above this answer.')
    for (const output of this.#outputs) expectShown(block, output)
    this.#outputs = []
  }

  #module(block: Block): Module {
    const module = this.#modules.get(block)
    if (module === undefined) throw new Error('The block has no module.')
    return module
  }
}
