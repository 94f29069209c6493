/**
 * A client and its server alone in one process, as under supertest and `app.inject()`: the process stays up until the
 * client has its answer. Plain Node runs the built packages.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** Runs a module in its own process. Rejects if the process ends before the module does. */
async function run(script: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: folder,
  })
  return stdout
}

// supertest closes its server and waits for the last connection, which a refused client holds for 1.5 s.
test.each([
  [
    'Express',
    `import { multipart } from '@formgate/express'
     import express from 'express'
     const app = express().use(multipart({ limits: { textSize: 1000 } }))`,
  ],
  [
    'Koa',
    `import { multipart } from '@formgate/koa'
     import Koa from 'koa'
     const app = new Koa().use(multipart({ limits: { textSize: 1000 } })).callback()`,
  ],
  [
    'Fastify',
    `import { multipart } from '@formgate/fastify'
     import Fastify from 'fastify'
     const fastify = Fastify()
     await fastify.register(multipart, { limits: { textSize: 1000 } })
     fastify.post('/', async () => 'not reached')
     await fastify.ready()
     const app = fastify.server`,
  ],
])('supertest reads the answer to 2 MB that %s refuses', async (_, app) => {
  const output = await run(`
    import request from 'supertest'
    ${app}
    const { status } = await request(app).post('/').type('json').send('1'.repeat(2_000_000))
    console.log(status)`)
  expect(output).toBe('413\n')
})

test('a loop over the parts goes on under inject() after the target of a piped file is destroyed', async () => {
  const output = await run(`
    import { Writable } from 'node:stream'
    import { multipart } from '@formgate/fastify'
    import Fastify from 'fastify'
    const app = Fastify()
    await app.register(multipart, { lazy: true })
    app.post('/', async (request) => {
      const names = []
      for await (const part of request.parts()) {
        names.push(part.name)
        if (part.kind === 'file') part.stream.pipe(new Writable({ write() {} })).destroy()
      }
      return names.join()
    })
    const payload = new FormData()
    payload.append('photo', new File(['sea'], 'sea.txt'))
    payload.append('title', 'Harbour')
    const { body } = await app.inject({ method: 'POST', url: '/', payload })
    console.log(body)`)
  expect(output).toBe('photo,title\n')
})
