/**
 * The website: `node scripts/site.mjs serve | build | check`. Its dependencies are installed when it is first asked for:
 * the checks and the playground of the workspace do not need them.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { pnpm, root, runIn } from './run.mjs'

const folder = `${root}site`
const [command = ''] = process.argv.slice(2)
/** @type {[command: string, ...args: string[]][]} */
const prepare = [
  ['node', 'playground/bundle.mjs'],
  ['typedoc', '--logLevel', 'Warn'],
]
/** @type {Record<string, [command: string, ...args: string[]][]>} */
const commands = {
  serve: [...prepare, ['vitepress', 'dev', '.']],
  build: [...prepare, ['vitepress', 'build', '.']],
  check: [...prepare, ['vitepress', 'build', '.'], ['node', 'check.mjs']],
}
const steps = commands[command]
if (steps === undefined) throw new Error(`Unknown command: ${command}`)

install()
for (const step of steps) ensure(runIn(folder, ...step))

function install() {
  const stamp = `${folder}/node_modules/.installed-lockfile`
  const lockfile = createHash('sha256')
    .update(readFileSync(`${folder}/pnpm-lock.yaml`))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockfile) return
  console.log('Installing the dependencies of the website…')
  process.env['CI'] ??= 'true'
  ensure(runIn(folder, ...pnpm(), 'install', '--frozen-lockfile', '--loglevel=error'))
  writeFileSync(stamp, lockfile)
}

/** @param {number} status */
function ensure(status) {
  if (status !== 0) process.exit(status)
}
