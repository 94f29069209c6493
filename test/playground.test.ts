/** The playground as its users meet it: started as `npm start` starts it, and driven with curl and a browser. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { brokenRequests } from '../examples/playground/public/broken-requests.js'
import { curlLine } from '../examples/playground/public/curl.js'
import { chromiumArguments, chromiumPath } from './chromium.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)
const icon = join(root, 'examples/playground/public/icon.svg')
const frameworks = ['Express', 'Koa', 'Fastify'] as const
const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
)
const hasChromium = existsSync(chromiumPath)
if (!hasCurl) console.log('Skipped: the playground with curl, because curl is not installed.')
if (!hasChromium) console.log(`Skipped: the playground in a browser, because ${chromiumPath} does not exist.`)

let neighbour: Server
let playground: ChildProcess
let output = ''
let urls: string[] = []

beforeAll(async () => {
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages'], { cwd: root })
  // The first port is taken.
  neighbour = createServer().listen(0, 'localhost')
  await once(neighbour, 'listening')
  const { port } = neighbour.address() as AddressInfo
  playground = spawn(process.execPath, ['examples/playground/src/start.js'], {
    cwd: root,
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  playground.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
  await vi.waitFor(() => expect(output).toContain('/raw/'), { timeout: 60_000 })
  urls = frameworks.map((name) => new RegExp(`${name} +(http://\\S+)`).exec(output)?.[1] ?? '')
})

afterAll(() => {
  playground?.kill()
  neighbour?.close()
})

describe('npm start', () => {
  it('prints three addresses on free ports', () => {
    const taken = (neighbour.address() as AddressInfo).port
    const ports = urls.map((url) => Number(new URL(url).port))
    expect(new Set([...ports, taken]).size).toBe(4)
  })

  it.skipIf(!hasCurl)('prints curl lines that work as they are', async () => {
    const lines = output.match(/curl .+/g) ?? []
    const [form, json, raw] = await Promise.all(lines.map((line) => pasted(line)))
    expect(lines).toHaveLength(3)
    expect(form).toMatchObject({
      data: { title: 'Hello', topics: ['sea', 'city'] },
      files: { photo: [{ name: 'icon.svg', type: 'image/svg+xml' }] },
    })
    expect(json).toEqual({ data: { title: 'Hello', topics: ['sea', 'city'] }, files: {} })
    expect(raw).toMatchObject({ files: { file: [{ name: 'icon.svg' }] } })
  })
})

describe.each(frameworks)('%s', (name) => {
  const url = () => urls[frameworks.indexOf(name)] ?? ''

  it('serves the page with everything that the page asks for', async () => {
    const page = await (await fetch(url())).text()
    const names = [...page.matchAll(/(?:src|href)="([\w.-]+)"/g)].map(([, each]) => each)
    expect(names).toContain('app.js')
    const statuses = await Promise.all(names.map(async (each) => (await fetch(`${url()}/${each}`)).status))
    expect(statuses).toEqual(names.map(() => 200))
    const servers = await (await fetch(`${url()}/servers.json`)).json()
    expect(servers).toMatchObject(frameworks.map((each) => ({ name: each })))
  })

  it('serves the modules of the import map, what they import, and no other files', async () => {
    const page = await (await fetch(url())).text()
    const { imports } = JSON.parse(/importmap">(.+?)<\/script>/s.exec(page)?.[1] ?? '') as {
      imports: Record<string, string>
    }
    expect(Object.keys(imports)).toEqual(['zod', '@formgate/core/checks', '@formgate/core/client'])
    const seen = new Set(Object.values(imports).map((each) => new URL(each, url()).href))
    for (const each of seen) {
      const response = await fetch(each)
      expect([each, response.status, response.headers.get('Content-Type')]).toEqual([
        each,
        200,
        'text/javascript; charset=utf-8',
      ])
      const text = await response.text()
      for (const [, path] of text.matchAll(/(?:from|import) ["'](\.[^"']+)["']/g))
        seen.add(new URL(path!, each).href)
    }
    for (const path of [
      'modules/zod/package.json',
      'modules/zod/..%2f..%2fkoa/index.js',
      'modules/toString/index.js',
      'modules/zod/none.js',
      'modules/formgate/%2e%2e/package.json',
    ]) {
      expect((await fetch(`${url()}/${path}`)).status).toBe(404)
    }
  })

  it('types the sign-up form and names each input that is wrong', async () => {
    const fields = { username: 'Grace', email: 'g@example.org', age: '', topics: 'sea', terms: 'on' }
    const sent = { ...fields, 'address.city': 'Ulm', 'address[postcode]': '89073' }
    const form = new FormData()
    for (const [name, value] of Object.entries(sent)) form.append(name, value)
    const good = await fetch(`${url()}/sign-up`, { method: 'POST', body: form })
    expect(good.status).toBe(201)
    expect(await good.json()).toEqual({ username: 'Grace', age: null, topics: ['sea'], city: 'Ulm' })
    form.set('age', '17')
    form.set('username', 'admin')
    form.set('portrait', new File(['x'], 'x.txt', { type: 'text/plain' }))
    const bad = await fetch(`${url()}/sign-up`, { method: 'POST', body: form })
    expect(bad.status).toBe(422)
    const { errors } = (await bad.json()) as { errors: { path: string }[] }
    expect(errors.map(({ path }) => path).toSorted()).toEqual(['age', 'portrait', 'username'])
  })

  it('tells how much of an upload has arrived', async () => {
    const upload = request(`${url()}/raw/half.bin`, {
      method: 'PUT',
      headers: { 'Content-Length': 1000, 'X-Upload-Id': `half-${name}` },
    })
    upload.write('x'.repeat(400))
    const progress = async () => (await fetch(`${url()}/progress/half-${name}`)).json()
    await vi.waitFor(async () => expect(await progress()).toEqual({ received: 400, expected: 1000 }), {
      timeout: 30_000,
    })
    upload.end('x'.repeat(600))
    await once(upload, 'response')
    expect(await progress()).toEqual({ received: 1000, expected: 1000 })
  })

  it('lets the page of every server read its answers, and no other page', async () => {
    const allowed = async (origin: string) => {
      const headers = { Origin: origin, 'Access-Control-Request-Method': 'POST' }
      const response = await fetch(`${url()}/echo`, { method: 'OPTIONS', headers })
      return response.headers.get('Access-Control-Allow-Origin')
    }
    for (const origin of urls) expect(await allowed(origin)).toBe(origin)
    expect(await allowed('http://example.com')).toBeNull()
  })
})

it.each(brokenRequests)('all three answer the broken request “$title” as the page says', async (request) => {
  const { method, path, headers, body, answer } = request
  const [first, ...others] = await Promise.all(
    urls.map(async (url) => {
      const response = await fetch(url + path, {
        method,
        headers: { ...headers, Origin: urls[0] ?? '' },
        body: new TextEncoder().encode(body),
      })
      return {
        status: response.status,
        // Fastify adds the charset that every JSON has.
        mediaType: response.headers.get('Content-Type')?.replace('; charset=utf-8', ''),
        readableBy: response.headers.get('Access-Control-Allow-Origin'),
        problem: await response.json(),
      }
    }),
  )
  expect(first).toMatchObject({
    status: answer.status,
    mediaType: 'application/problem+json',
    readableBy: urls[0],
    problem: answer,
  })
  expect(others).toEqual([first, first])
})

describe.skipIf(!hasCurl)('the curl line of the form', () => {
  const fields: [name: string, value: string][] = [
    ['title', 'It\'s "quoted"; semicolons, $HOME and `ticks`'],
    ['title', '@not-a-file'],
    ['empty', ''],
    ['spaces', '  at both ends  '],
    ['lines', 'one\ntwo 🌊'],
    ['a&b=c%', 'x=1&y=2+3%20'],
  ]
  const files = [
    { name: 'a "strange", name; [1].txt', type: 'text/plain' },
    { name: '{b}.bin', type: '' },
  ]
  const content = { fields, json: { title: 'It\'s "x"', list: ['1'] }, fileField: 'photos', files }
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'formgate-playground-'))
    for (const { name } of files) await writeFile(join(folder, name), `This is ${name}`)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('sends fields and files of any name and value as multipart', async () => {
    // A name with an equals sign is the one thing that -F cannot send.
    const sendable = fields.filter(([name]) => !name.includes('='))
    const line = curlLine({ ...content, fields: sendable, encoding: 'multipart', url: urls[0] ?? '' })
    const answer = await pasted(line, folder)
    expect(answer.data).toMatchObject({ ...merged(sendable) })
    expect(answer.files).toMatchObject({ photos: files.map(({ name }) => ({ name })) })
  })

  it('sends fields of any name and value URL-encoded', async () => {
    const answer = await pasted(curlLine({ ...content, encoding: 'urlencoded', url: urls[1] ?? '' }))
    expect(answer.data).toEqual(merged(fields))
  })

  it('sends JSON', async () => {
    const answer = await pasted(curlLine({ ...content, encoding: 'json', url: urls[2] ?? '' }))
    expect(answer.data).toEqual(content.json)
  })

  it('sends each file as a raw body', async () => {
    const lines = curlLine({ ...content, encoding: 'raw', url: urls[0] ?? '' })
    for (const [index, line] of lines.split(/\n(?=curl)/).entries()) {
      const answer = await pasted(line, folder)
      expect(answer.files).toMatchObject({ file: [{ name: files[index]?.name }] })
    }
  })
})

describe.skipIf(!hasChromium)('the page in Chromium', () => {
  let browser: Browser
  let page: Page
  /** Errors on the console of the page. */
  let complaints: string[]

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments })
  })
  afterAll(() => browser?.close())

  it.each(frameworks)(
    'sends a form with a dropped file to %s and shows what the server saw',
    async (name) => {
      await open(urls[0] ?? '')
      await page.getByRole('radio', { name }).check()
      await page.getByRole('button', { name: 'Add a field' }).click()
      await page.getByRole('textbox', { name: 'Name', exact: true }).last().fill('place')
      await page.getByRole('textbox', { name: 'Value', exact: true }).last().fill('Köln 🌊')
      await dropFile('letter.txt', 'text/plain', 'Dear all')
      await page.getByRole('button', { name: 'Add a sample picture' }).click()
      await page.getByRole('button', { name: 'Remove postcard-1.png' }).waitFor()
      await page.getByRole('button', { name: 'Send', exact: true }).first().click()

      const answer = page.locator('.answer').first()
      await answer.getByText(`${name} · Multipart`).waitFor()
      const data = JSON.parse((await answer.getByRole('region', { name: 'data' }).textContent()) ?? '')
      expect(data).toMatchObject({ title: 'Summer postcards', topics: ['sea', 'city'], place: 'Köln 🌊' })
      const cards = await answer.locator('.cards li').allTextContents()
      expect(cards).toHaveLength(2)
      expect(cards[0]).toContain('letter.txt')
      expect(cards[0]).toContain('8 B, as sent')
      expect(await answer.locator('.cards img').count()).toBe(1)
      expect(complaints).toEqual([])
      await page.close()
    },
  )

  it.each(['URL-encoded', 'JSON', 'Raw file'])('sends the form as %s', async (encoding) => {
    await open(urls[2] ?? '')
    await page.getByRole('button', { name: 'Add a sample picture' }).click()
    await page.getByRole('button', { name: 'Remove postcard-1.png' }).waitFor()
    await page.getByRole('radio', { name: encoding }).check()
    await page.getByRole('button', { name: 'Send', exact: true }).first().click()
    const answer = page.locator('.answer').first()
    await answer.getByText('200').waitFor()
    const data = (await answer.getByRole('region', { name: 'data' }).textContent()) ?? ''
    expect(data).toContain(encoding === 'Raw file' ? 'postcard-1.png' : 'Summer postcards')
    expect(complaints).toEqual([])
    await page.close()
  })

  it.each(frameworks)('shows the messages of the page and of %s beside the inputs', async (name) => {
    await open(urls[1] ?? '')
    await page.getByRole('radio', { name }).check()
    const form = page.getByRole('form', { name: 'Sign up' })
    const outcome = page.locator('#sign-up-outcome')
    const messages = () => form.locator('.message').allTextContents()
    await form.getByRole('button', { name: 'Sign up' }).click()
    await outcome.locator('.status', { hasText: '422' }).waitFor()
    const fromServer = await messages()
    expect(fromServer).toEqual([
      'This name is taken',
      'Not an email address',
      'You must be at least 18',
      '',
      'Where do you live?',
      'Four or five digits',
      'Choose at least one',
      'Please agree',
      '',
    ])
    expect(await form.getByRole('textbox', { name: 'email' }).getAttribute('aria-invalid')).toBe('true')
    expect(await page.evaluate('document.activeElement.id')).toBe('username')

    await form.getByRole('checkbox', { name: 'Validate in the browser first' }).check()
    await form.getByRole('button', { name: 'Sign up' }).click()
    await outcome.getByText('This page').waitFor()
    expect(await messages()).toEqual(fromServer)

    await form.getByRole('textbox', { name: 'username' }).fill('Grace')
    await form.getByRole('textbox', { name: 'email' }).fill('grace@example.org')
    await form.getByRole('textbox', { name: 'age' }).fill('')
    await form.getByRole('textbox', { name: 'address.city' }).fill('Ulm')
    await form.getByRole('textbox', { name: 'address.postcode' }).fill('89073')
    await form.getByRole('checkbox', { name: 'sea' }).check()
    await form.getByRole('checkbox', { name: 'terms' }).check()
    await form.locator('#portrait').setInputFiles(icon)
    await form.getByRole('button', { name: 'Sign up' }).click()
    await outcome.locator('.status', { hasText: '201' }).waitFor()
    expect(await outcome.textContent()).toContain(`${name}: 201`)
    const answer = JSON.parse((await outcome.getByRole('region').textContent()) ?? '')
    expect(answer).toMatchObject({ username: 'Grace', age: null, portrait: { name: 'icon.svg' } })
    expect((await messages()).join('')).toBe('')
    await page.close()
  })

  it('shows what happened to the bodies and files of all three, the latest first', async () => {
    await open(urls[0] ?? '')
    const rows = page.locator('#events li')
    for (const name of frameworks) {
      await page.getByRole('radio', { name }).check()
      await page.getByRole('button', { name: 'Send', exact: true }).first().click()
      await rows.first().getByText(`${name.toLowerCase()} POST`).waitFor()
      expect(await rows.first().textContent()).toContain('MultiPartParser')
    }
    await page.getByRole('button', { name: 'Add a sample picture' }).click()
    await page.getByRole('button', { name: 'Remove postcard-1.png' }).waitFor()
    await page.getByRole('button', { name: 'Send', exact: true }).first().click()
    await rows.getByText('removed').waitFor()
    expect(await rows.locator('code').first().textContent()).toBe('file photos (image/png)')
    await page.getByRole('button', { name: 'Sign up' }).click()
    await rows.getByText('refused').waitFor()
    expect(await rows.first().textContent()).toContain('fastify POST /sign-upVALIDATION_FAILED')
    expect(complaints.filter((each) => !each.includes('422'))).toEqual([])
    await page.close()
  })

  it('sends every broken request to all three and finds each answer as expected', async () => {
    await open(urls[1] ?? '')
    await page.getByRole('button', { name: 'Send all' }).click()
    const count = brokenRequests.length
    await page.getByText(`${count} of ${count} as expected`).first().waitFor()
    expect(await page.locator('.verdict.failed').count()).toBe(0)
    // A browser reports each refused request on its console.
    expect(complaints.filter((text) => !text.includes('Failed to load resource'))).toEqual([])
    await page.close()
  })

  it.each([320, 390, 1280])('is never wider than a screen of %i px', async (width) => {
    await open(urls[0] ?? '', width)
    await page.getByRole('button', { name: 'Add a sample picture' }).click()
    await dropFile(`${'a-very-long-name-'.repeat(12)}.txt`, 'text/plain', 'x')
    await page.getByRole('button', { name: 'Send', exact: true }).first().click()
    await page.locator('.cards li').nth(1).waitFor()
    await page.getByRole('button', { name: 'Sign up' }).click()
    await page.locator('#sign-up-outcome .status').waitFor()
    await page.getByRole('button', { name: 'Send all' }).click()
    await page.getByText('as expected, with the same answer').first().waitFor()
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    await page.close()
  })

  it('is at most 6,000 px long on a phone, and its menu leads to every section', async () => {
    await open(urls[0] ?? '', 390)
    expect(await page.evaluate('document.documentElement.scrollHeight')).toBeLessThanOrEqual(6000)
    for (const name of ['Request', 'Answers', 'Typed form', 'Events', 'Broken requests']) {
      await page.getByText('Menu', { exact: true }).click()
      await page.getByRole('link', { name, exact: true }).click()
      const top = `document.querySelector(location.hash).getBoundingClientRect().top`
      await expect.poll(() => page.evaluate(`${top} >= 0 && ${top} < innerHeight`)).toBe(true)
      expect(await page.getByRole('link', { name, exact: true }).isVisible()).toBe(false)
    }
    await page.close()
  })

  async function open(url: string, width = 1280) {
    page = await browser.newPage({ viewport: { width, height: 900 } })
    complaints = []
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(url)
    await page.locator('#shelves article').first().waitFor({ state: 'attached' })
  }

  async function dropFile(name: string, type: string, text: string) {
    const drop = page.locator('#drop')
    // In the browser, because Node has no DataTransfer.
    const dataTransfer = await page.evaluateHandle(`(() => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}, { type: ${JSON.stringify(type)} }))
      return transfer
    })()`)
    await drop.dispatchEvent('dragenter', { dataTransfer })
    await drop.dispatchEvent('drop', { dataTransfer })
    await page.getByRole('button', { name: `Remove ${name}` }).waitFor()
  }
})

interface Echo {
  readonly data: Record<string, unknown>
  readonly files: Record<string, unknown[]>
}

/** Runs a line as if it was pasted into a shell. */
async function pasted(line: string, cwd = root): Promise<Echo> {
  const { stdout } = await run('sh', ['-c', line.replace(/^curl/, 'curl -sS')], { cwd })
  return JSON.parse(stdout) as Echo
}

/** Fields as a form without a schema arrives: a repeated name is a list. */
function merged(fields: readonly (readonly [string, string])[]) {
  const data: Record<string, string | string[]> = {}
  for (const [name, value] of fields) data[name] = name in data ? [data[name] as string, value] : value
  return data
}
