/**
 * `npm run conformance`: installs the peers in a separate folder, asks them and Formgate, and writes
 * docs/multipart-conformance.md and the answers of the peers. With `--verify` it writes nothing and fails if an answer
 * differs from the recorded one.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = `${root}node_modules/.cache/conformance`

/** Pinned, so that a second run gives the same page. */
const dependencies = {
  '@fastify/multipart': '10.1.9',
  busboy: '1.6.0',
  express: '5.3.0',
  fastify: '5.12.8',
  formidable: '3.5.4',
  multer: '2.5.0',
}

mkdirSync(folder, { recursive: true })
cpSync(new URL('peers', import.meta.url), folder, { recursive: true })
writeFileSync(`${folder}/package.json`, JSON.stringify({ private: true, type: 'module', dependencies }))
must('npm', 'install', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error')
process.env['CONFORMANCE_PEERS'] = folder
const isVerifying = process.argv.includes('--verify')
if (isVerifying) process.env['CONFORMANCE_VERIFY'] = 'true'
const update = isVerifying ? [] : ['--update']
must(process.execPath, 'node_modules/vitest/vitest.mjs', 'run', 'test/conformance', ...update)

/**
 * @param {string} command
 * @param {string[]} args
 */
function must(command, ...args) {
  const shell = process.platform === 'win32' && command === 'npm'
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell })
  if (status !== 0) process.exit(status ?? 1)
}
