/** The example apps as programs of their own, on the packages as they were built. */
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
  ['express', 'app'],
  ['koa', 'app.callback()'],
  ['fastify', '(await app.ready(), app.server)'],
])('%s', (name, target) => {
  const folder = join(examples, name)

  test('starts with the start script, and keeps a file in its directory', async () => {
    const server = spawn(process.execPath, ['start.js'], {
      cwd: folder,
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

  // supertest closes the server and waits for its last connection, which Formgate holds for 1.5 s.
  test('answers a client in the same process, which goes on when 3 MB were refused', async () => {
    const script = `
      import request from 'supertest'
      import { createApp } from '../${name}/app.js'
      const app = await createApp(process.env.UPLOADS)
      const { status } = await request(${target}).put('/backups/large').send(Buffer.alloc(3_000_000))
      console.log(status)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(examples, 'express'),
      env: { ...process.env, UPLOADS: uploads },
    })
    expect(stdout).toBe('413\n')
  })
})
