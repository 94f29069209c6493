/** The example apps as programs, on the built packages. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const examples = fileURLToPath(new URL('../examples', import.meta.url))
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

let uploads: string
beforeEach(async () => {
  uploads = await mkdtemp(join(tmpdir(), 'formgate-examples-'))
})
afterEach(() => rm(uploads, { recursive: true }))

describe.each([
  ['express', 'start.js'],
  ['koa', 'start.js'],
  ['fastify', 'start.js'],
  ['nest', 'dist/main.js'],
])('%s', (name, start) => {
  test('starts with its start script and keeps a file in its directory', async () => {
    const cwd = join(examples, name)
    const compile = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']
    if (name === 'nest') await promisify(execFile)(process.execPath, compile, { cwd })
    const server = spawn(process.execPath, [start], {
      cwd,
      env: { ...process.env, PORT: '0', UPLOADS: uploads },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const [address] = (await once(server.stdout, 'data')) as [Buffer]
      const form = new FormData()
      form.append('username', 'ada')
      form.append('avatar', new File([png], 'me.png', { type: 'image/png' }))
      const response = await fetch(`${address.toString().trim()}/sign-up`, { method: 'POST', body: form })
      expect(response.status).toBe(201)
      const { picture } = (await response.json()) as { picture: string }
      expect(await readdir(uploads)).toEqual([picture])
    } finally {
      server.kill()
    }
  })
})
