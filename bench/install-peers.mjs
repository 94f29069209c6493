/** Installs missing peers in the versions of their lockfile. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('peers/', import.meta.url))
const stamp = `${folder}node_modules/.installed-lockfile`

export function installPeers() {
  const lockfile = createHash('sha256')
    .update(read(`${folder}package-lock.json`))
    .digest('hex')
  if (read(stamp) === lockfile) return
  console.log('Installing the peers…')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync('npm', args, {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(1)
  writeFileSync(stamp, lockfile)
}

/** The installed versions of the peers in their package.json. */
export function versions() {
  return JSON.parse(read(`${folder}package.json`)).dependencies
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
