/** Direct uploads to the real store, with the suite of `test/direct` and a page in Chromium. */
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import {
  GetBucketLifecycleConfigurationCommand,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
} from '@aws-sdk/client-s3'
import { body, form } from '@formgate/express'
import { s3 } from '@formgate/s3'
import { directUploads } from '@formgate/s3/direct'
import express, { type Request } from 'express'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findChromium } from '../clients/programs.js'
import { directUploadSuite, User } from '../direct/suite.js'
import { describeWithStore } from './store.js'

const path = await findChromium()

const page = `<!doctype html>
<form><input name="username" value="ann"><input type="file" name="photo"><input type="file" name="scans" multiple><button>Send</button></form>
<pre></pre>
<script type="module">
  async function ticketFor(field, file) {
    const asked = await fetch('/users/tickets', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ field, name: file.name, type: file.type, size: file.size }),
    })
    if (!asked.ok) throw new Error(await asked.text())
    const { url, fields, ticket } = await asked.json()
    const upload = new FormData()
    for (const [name, value] of Object.entries(fields)) upload.set(name, value)
    upload.set('file', file)
    const sent = await fetch(url, { method: 'POST', body: upload })
    if (!sent.ok) throw new Error('The store refused the file: ' + sent.status)
    return ticket
  }
  const form = document.querySelector('form')
  form.onsubmit = async (event) => {
    event.preventDefault()
    try {
      const data = new FormData()
      for (const [name, value] of new FormData(form))
        if (!(value instanceof File)) data.append(name, value)
        else if (value.name !== '') data.append(name, await ticketFor(name, value))
      const answer = await fetch('/users', { method: 'POST', body: data })
      document.querySelector('pre').textContent = await answer.text()
    } catch (error) {
      document.querySelector('pre').textContent = error.message
    }
  }
</script>`

await describeWithStore('direct uploads', ({ client, config, bucket, prefix, contents }) => {
  directUploadSuite(() => ({ config, bucket, prefix, contents }))

  test('the store takes the rule by which uploads without a form expire', async () => {
    const rule = {
      ID: 'direct uploads',
      Status: 'Enabled' as const,
      Filter: { Prefix: `${prefix}incoming/` },
      Expiration: { Days: 1 },
    }
    const LifecycleConfiguration = { Rules: [rule] }
    const put = new PutBucketLifecycleConfigurationCommand({ Bucket: bucket, LifecycleConfiguration })
    await client.send(put)
    const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }))
    expect(Rules).toMatchObject([{ Expiration: { Days: 1 } }])
  })

  let browser: Browser
  let server: Server
  let origin: string
  const sizes: number[] = []

  beforeAll(async () => {
    const uploads = directUploads(User, {
      name: 'users',
      secret: 'a secret of at least 32 characters',
      owner: (req: Request) => req.get('user-agent') ?? '',
      bucket,
      client,
      prefix: `${prefix}users/`,
      pending: `${prefix}incoming/`,
    })
    const app = express()
    app.get('/', (_req, res) => void res.send(page))
    app.use((req, _res, next) => {
      sizes.push(Number(req.headers['content-length'] ?? 0))
      next()
    })
    app.post('/users/tickets', body(uploads.request), async (req, res) => {
      res.json(await uploads.sign(req.data, req))
    })
    app.post('/users', form(User, uploads.options), (req, res) => {
      const { username, photo, scans = [] } = req.data
      res.json({ username, keys: [photo, ...scans].map((file) => file.keep().stored.key) })
    })
    server = createServer(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await client.send(
      new PutBucketCorsCommand({
        Bucket: bucket,
        CORSConfiguration: { CORSRules: [{ AllowedOrigins: [origin], AllowedMethods: ['POST'] }] },
      }),
    )
    if (path !== undefined)
      browser = await chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-gpu'] })
  })
  afterAll(async () => {
    await browser?.close()
    server.close()
  })

  const png = (size: number): Buffer => {
    const bytes = Buffer.alloc(size, 'a')
    Buffer.from('89504e470d0a1a0a0000000049444154', 'hex').copy(bytes)
    return bytes
  }

  test.skipIf(path === undefined)(
    'a page in Chromium uploads to the bucket, and the app sees tickets alone',
    async () => {
      const tab = await browser.newPage()
      await tab.goto(origin)
      const file = (name: string, bytes: Buffer) => ({ name, mimeType: 'image/png', buffer: bytes })
      await tab.setInputFiles('[name=photo]', [file('größe.png', png(9000))])
      await tab.setInputFiles('[name=scans]', [file('a.png', png(8000)), file('b.png', png(7000))])
      await tab.click('button')
      await expect.poll(() => tab.textContent('pre')).not.toBe('')
      const answer = JSON.parse((await tab.textContent('pre'))!) as { username: string; keys: string[] }
      expect(answer).toMatchObject({
        username: 'ann',
        keys: [{}, {}, {}].map(() => expect.any(String) as unknown),
      })
      const storage = s3({ client, bucket })
      const files = await Promise.all(answer.keys.map((key) => storage.open(key)))
      expect(files.map((each) => each!.originalName)).toEqual(['größe.png', 'a.png', 'b.png'])
      expect(await buffer(files[0]!.createReadStream())).toEqual(png(9000))
      expect(Math.max(...sizes)).toBeLessThan(3000)
    },
  )

  test.skipIf(path === undefined)('a page in Chromium reads why a file is refused', async () => {
    const tab = await browser.newPage()
    await tab.goto(origin)
    const fake = Buffer.from('<!doctype html><script>alert(1)</script>')
    await tab.setInputFiles('[name=photo]', [{ name: 'a.png', mimeType: 'image/png', buffer: fake }])
    await tab.click('button')
    await expect.poll(() => tab.textContent('pre')).toContain('FILE_REFUSED')
  })
})
