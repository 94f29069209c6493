/** The programs that the tests drive: where they are, and how they get there. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The environment of a client: whatever proxy this machine uses, it is not for an app on this machine. */
export const clientEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  no_proxy: '127.0.0.1',
  NO_PROXY: '127.0.0.1',
}

interface Program {
  /** What the line says that tells what is missing. */
  readonly name: string
  readonly debianPackage: string
  /** The path, if the program is there. */
  readonly find: () => Promise<string | undefined>
}

/** curl that knows --json and --form-escape. */
export function findCurl(): Promise<string | undefined> {
  return provide({
    name: 'curl 7.82 or newer',
    debianPackage: 'curl',
    find: () => firstOf(['curl'], async (path) => isAtLeast(await output(path, '--version'), 7, 82)),
  })
}

/** A Python that has requests. */
export function findPython(): Promise<string | undefined> {
  return provide({
    name: 'Python 3 with requests',
    debianPackage: 'python3-requests',
    find: () => firstOf(['/usr/bin/python3', 'python3'], (path) => output(path, '-c', 'import requests')),
  })
}

export function findChromium(): Promise<string | undefined> {
  return provide({
    name: 'Chromium',
    debianPackage: 'chromium',
    find: () => firstOf(['chromium', 'google-chrome'], () => Promise.resolve('there')),
  })
}

/** Finds a program; on Debian, as root, installs it first where it is missing; elsewhere says that it is missing. */
async function provide({ name, debianPackage, find }: Program): Promise<string | undefined> {
  const found = await find()
  if (found !== undefined) return found
  const reason = (await isDebianRoot()) ? await install(debianPackage) : 'not on this machine'
  const installed = await find()
  if (installed === undefined)
    console.warn(`Tests are skipped, because this is missing: ${name} (${reason}).`)
  return installed
}

async function isDebianRoot(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return /^ID=debian$/m.test(release) && process.getuid?.() === 0
}

/** @returns why it may still be missing */
async function install(debianPackage: string): Promise<string> {
  console.warn(`Installing ${debianPackage}, once.`)
  const commands = `apt-get update -q && apt-get install -y -q --no-install-recommends ${debianPackage}`
  // Test files run at the same time, and only one apt-get can.
  const lock = join(tmpdir(), 'formgate-apt.lock')
  try {
    await run('flock', [lock, 'sh', '-c', commands], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: Infinity,
    })
    return 'still not found after apt-get install'
  } catch (error) {
    return `apt-get failed: ${String((error as { stderr?: string }).stderr).trim()}`
  }
}

/** The first of these programs that is there and about which `check` has something good to say. */
async function firstOf(
  names: readonly string[],
  check: (path: string) => Promise<unknown>,
): Promise<string | undefined> {
  for (const name of names) {
    const path = await locate(name)
    if (path !== undefined && (await check(path))) return path
  }
  return undefined
}

async function locate(name: string): Promise<string | undefined> {
  const folders = name.startsWith('/') ? ['/'] : (process.env['PATH'] ?? '').split(delimiter)
  for (const folder of folders) {
    const path = join(folder, name)
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return undefined
}

/** @returns what it prints, with a line end even if that is nothing; `undefined` if it fails */
async function output(path: string, ...args: string[]): Promise<string | undefined> {
  return run(path, args).then(
    ({ stdout }) => `${stdout}\n`,
    () => undefined,
  )
}

function isAtLeast(text: string | undefined, major: number, minor: number): boolean {
  const [, ours, ourMinor] = /(\d+)\.(\d+)/.exec(text ?? '') ?? []
  return Number(ours) > major || (Number(ours) === major && Number(ourMinor) >= minor)
}
