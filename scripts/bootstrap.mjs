/** Installs the workspace if node_modules does not match the lockfile. Needs only Node and npm. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { pnpm, root, run } from './run.mjs'

const stamp = `${root}node_modules/.installed-lockfile`
const lockfile = createHash('sha256')
  .update(readFileSync(`${root}pnpm-lock.yaml`))
  .digest('hex')

if (installedLockfile() !== lockfile) {
  console.log('Installing dependencies…')
  // Without CI, pnpm asks before it replaces a foreign node_modules, and waits for an answer.
  process.env['CI'] ??= 'true'
  const status = run(...pnpm(), 'install', '--frozen-lockfile', '--loglevel=warn')
  if (status !== 0) process.exit(status)
  writeFileSync(stamp, lockfile)
}

function installedLockfile() {
  try {
    return readFileSync(stamp, 'utf8')
  } catch {
    return undefined
  }
}
