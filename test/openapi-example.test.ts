/** The example with OpenAPI as its users meet it: the document, and the upload form that Swagger UI makes of it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { chromiumArguments, chromiumPath } from './chromium.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const icon = join(root, 'examples/playground/public/icon.svg')
const hasChromium = existsSync(chromiumPath)
if (!hasChromium) console.log(`Skipped: Swagger UI in a browser, because ${chromiumPath} does not exist.`)

let server: ChildProcess
let url = ''

beforeAll(async () => {
  const run = promisify(execFile)
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages'], { cwd: root })
  server = spawn(process.execPath, ['examples/fastify-openapi/src/start.js'], {
    cwd: root,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  server.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
  await vi.waitFor(() => expect(output).toContain('/docs'), { timeout: 60_000 })
  url = /http:\S+(?=\/docs)/.exec(output)?.[0] ?? ''
})
afterAll(() => void server?.kill())

it('describes the upload in OpenAPI 3.0, with the media types of its files', async () => {
  const document = await (await fetch(`${url}/docs/json`)).json()
  expect(document).toMatchObject({
    openapi: '3.0.3',
    paths: {
      '/albums': {
        post: {
          requestBody: {
            required: true,
            content: {
              'multipart/form-data': {
                schema: {
                  properties: {
                    title: { type: 'string', minLength: 3 },
                    cover: { type: 'string', format: 'binary' },
                    photos: { type: 'array', items: { type: 'string', format: 'binary' } },
                  },
                  required: ['title', 'cover'],
                },
                encoding: { cover: { contentType: 'image/*' }, photos: { contentType: 'image/*' } },
              },
            },
          },
        },
      },
    },
  })
})

describe.skipIf(!hasChromium)('Swagger UI in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments })
  })
  afterAll(() => browser?.close())

  it('shows a form that uploads, and the problem if an upload is refused', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1200 } })
    await page.goto(`${url}/docs`)
    await page.getByText('Creates an album').click()
    await page.getByRole('button', { name: 'Try it out' }).click()
    const row = (name: string) => page.locator(`tr[data-property-name="${name}"]`)
    await row('title').getByRole('textbox').fill('Summer')
    await row('year').getByRole('textbox').fill('2024')
    await row('cover').locator('input[type=file]').setInputFiles(icon)
    await row('photos').locator('input[type=file]').setInputFiles(icon)
    const answer = page.waitForResponse((response) => response.url().endsWith('/albums'))
    await page.getByRole('button', { name: 'Execute' }).click()
    const response = await answer
    expect(response.status()).toBe(201)
    expect(await response.json()).toMatchObject({
      title: 'Summer',
      year: 2024,
      cover: { field: 'cover', name: 'icon.svg', type: 'image/svg+xml' },
      photos: [{ name: 'icon.svg', size: 314 }],
      bytes: 628,
    })
    await row('year').getByRole('textbox').fill('1800')
    const refusal = page.waitForResponse((response) => response.url().endsWith('/albums'))
    await page.getByRole('button', { name: 'Execute' }).click()
    const refused = await refusal
    expect(refused.status()).toBe(422)
    expect((await refused.json()).errors).toMatchObject([{ path: 'year', code: 'too_small' }])
    await page.close()
  })
})
