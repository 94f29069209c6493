/** curl, a process for each upload. */
import { execFileSync, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clientEnvironment, findCurl } from '../../clients/programs.js'
import { uploadSize } from '../ways.mjs'

/**
 * @param {string[]} options
 * @returns {Promise<import('./clients.mjs').OpenClient | undefined>}
 */
export async function openCurl(options) {
  const path = await findCurl()
  if (path === undefined) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'early-curl-'))
  const file = join(directory, 'upload.bin')
  await writeFile(file, Buffer.alloc(uploadSize))
  const fixed = ['-sS', '--noproxy', '*', '-w', '\\n%{http_code}', '-F', `f=@${file}`, ...options]
  const [, version = ''] = execFileSync(path, ['--version'], { encoding: 'utf8' }).split(' ')
  return {
    version,
    async upload({ url, isChunked }) {
      const chunked = isChunked ? ['-H', 'Transfer-Encoding: chunked'] : []
      const curl = spawn(path, [...fixed, ...chunked, url], { env: clientEnvironment })
      const [out, error, code] = await Promise.all([
        text(curl.stdout),
        text(curl.stderr),
        new Promise((resolve) => curl.on('close', resolve)),
      ])
      const [, body = '', status] = /^(.*)\n(\d+)$/s.exec(out) ?? []
      // A script checks the exit status of curl first.
      return code === 0
        ? { status: Number(status), body }
        : { error: `exit ${code}, status ${status}: ${error.trim()}` }
    },
    close: () => rm(directory, { recursive: true }),
  }
}
