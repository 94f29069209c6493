/** Runs the commands on a page. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { clientEnvironment } from '../clients/programs.js'
import { workplace, type Module } from './modules.js'
import { root } from './pages.js'

const run = promisify(execFile)

/** What a client printed. */
export interface Output {
  readonly stdout: string
  /** One for each request of curl. */
  readonly statuses?: readonly number[]
}

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

// Without progress bars, and with the status on standard error.
const quietCurl = `curl() { command curl -sS -w '%{stderr}%{http_code}\\n' "$@"; }\n`

/** Runs shell lines that call curl, or prepare a file for it. */
export async function runShell(code: string, address: string): Promise<Output> {
  const script = quietCurl + code.replaceAll('localhost:3000', address)
  // No .curlrc.
  const env = { ...clientEnvironment, HOME: workplace, CURL_HOME: workplace, XDG_CONFIG_HOME: workplace }
  const { stdout, stderr } = await run('sh', ['-ec', script], { cwd: workplace, env })
  const statuses = (stderr.match(/.+/g) ?? []).map(Number)
  if (statuses.some((status) => !(status >= 100))) throw new Error(stderr)
  return { stdout, statuses }
}

/** Runs a client of an app in its own process. */
export async function runClient({ run: path }: Module, address: string): Promise<Output> {
  const program = path.replace('.mjs', '-client.mjs')
  writeFileSync(program, readFileSync(path, 'utf8').replaceAll('localhost:3000', address))
  const { stdout } = await run(process.execPath, [program], { cwd: workplace, env: clientEnvironment })
  return { stdout }
}

/** Runs a module with Node's test runner. Throws if a test fails, or if there is none. */
export async function runNodeTests({ shown }: Module): Promise<void> {
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', shown], { cwd: workplace })
  if (!/^# pass [1-9]/m.test(stdout)) throw new Error(stdout)
}

/** Throws if the module has a syntax error. */
export async function checkSyntax({ shown }: Module): Promise<void> {
  await run(process.execPath, ['--check', shown])
}

/**
 * Throws if `npm install` names an unknown package, or `npm run` an unknown script. What comes after an install,
 * scripts/newcomer.mjs runs.
 */
export function checkNpm(line: string): void {
  const [program, command, ...args] = line.split(/\s+/)
  if (program !== 'npm') return
  if (command === 'install') {
    for (const name of args.filter((arg) => !arg.startsWith('--'))) {
      if (!packageNames.has(name))
        throw new Error(`Unknown package: ${name}. Use one of this workspace or of its dependencies.`)
    }
    return
  }
  const script = command === 'run' ? args[0] : command
  if (script === undefined || manifests[0]?.scripts?.[script] === undefined)
    throw new Error(`Unknown script: ${script}.`)
}

const manifests: readonly Manifest[] = ['', ...folders('packages'), 'test/'].map(
  (folder) => JSON.parse(readFileSync(`${root}${folder}package.json`, 'utf8')) as Manifest,
)

const packageNames = new Set(
  manifests.flatMap((manifest) => [
    ...(manifest.private === true ? [] : [manifest.name]),
    ...Object.keys({
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.peerDependencies,
    }),
  ]),
)

function folders(parent: string): string[] {
  const entries = readdirSync(root + parent, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return entries.map(({ name }) => `${parent}/${name}/`)
}
