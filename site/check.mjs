/**
 * Checks the built website in Chromium: links and anchors, accessibility, requests to other hosts, the weight of a first
 * load, the tabs, the search and the playground. Writes screenshots to site/.vitepress/cache/screenshots.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'
import { chromiumArguments, chromiumPath } from '../test/chromium.js'

const require = createRequire(import.meta.url)
const dist = fileURLToPath(new URL('.vitepress/dist/', import.meta.url))
const shots = fileURLToPath(new URL('.vitepress/cache/screenshots/', import.meta.url))
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
mkdirSync(shots, { recursive: true })

/** Bytes of a first load, compressed as hosts of static sites send them. */
const mostBytes = 300_000

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.xml': 'application/xml',
}
const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname)
  const file = dist + (path.endsWith('/') ? `${path}index.html` : path)
  if (!existsSync(file)) return response.writeHead(404).end()
  const headers = {
    'Content-Type': types[extname(file)] ?? 'application/octet-stream',
    'Content-Encoding': 'gzip',
  }
  return response.writeHead(200, headers).end(gzipSync(readFileSync(file)))
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const address = `http://127.0.0.1:${server.address().port}`

const pages = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.html') && name !== '404.html')

let failures = 0
const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments })
try {
  await check('no link or anchor is broken', checkLinks)
  await check('the first load of every kind of page is small, and comes from this host alone', checkLoads)
  await check('no page has a violation that axe finds, in light and dark', checkAccessibility)
  await check('no page is wider than a phone', checkPhones)
  await check('a chosen framework is remembered on other pages', checkTabs)
  await check('the search finds pages without a server', checkSearch)
  await check('the playground answers as one types', checkPlayground)
} finally {
  await browser.close()
  server.close()
}
console.log(failures === 0 ? 'The website is as it should be.' : `${failures} checks failed.`)
process.exitCode = failures === 0 ? 0 : 1

async function check(title, work) {
  // `node check.mjs phone` runs the checks whose title has that word.
  if (process.argv[2] !== undefined && !title.includes(process.argv[2])) return
  const begun = performance.now()
  try {
    const note = await work()
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    console.log(`✓ ${title}${note ? `: ${note}` : ''} (${seconds} s)`)
  } catch (error) {
    failures += 1
    console.error(`✗ ${title}\n${error instanceof Error ? error.message : error}`)
  }
}

/** Every link of every page, in the HTML as it was built. */
function checkLinks() {
  const texts = new Map(pages.map((page) => [page, readFileSync(dist + page, 'utf8')]))
  const anchors = new Map()
  const broken = []
  let count = 0
  for (const [page, text] of texts) {
    for (const [, href] of text.matchAll(/<a\b[^>]*?\shref="([^"]+)"/g)) {
      const url = new URL(href.replaceAll('&amp;', '&'), `${address}/${page}`)
      if (url.origin !== address) continue
      count += 1
      const path = decodeURIComponent(url.pathname).slice(1)
      const target = path === '' || path.endsWith('/') ? `${path}index.html` : path
      const id = decodeURIComponent(url.hash.slice(1))
      if (!anchors.has(target)) {
        const found = texts.get(target)
        anchors.set(target, found && new Set([...found.matchAll(/\sid="([^"]+)"/g)].map(([, each]) => each)))
      }
      const ids = anchors.get(target)
      const isFile = ids === undefined && existsSync(dist + target)
      if (!isFile && (ids === undefined || (id !== '' && !ids.has(id)))) broken.push(`${page} → ${href}`)
    }
  }
  assert.equal([...new Set(broken)].join('\n'), '')
  return `${count} links on ${pages.length} pages`
}

async function checkLoads() {
  const weights = []
  for (const path of [
    'index.html',
    'start.html',
    'errors.html',
    'comparison.html',
    'playground.html',
    'api/index.html',
  ]) {
    const page = await browser.newPage()
    let bytes = 0
    const hosts = new Set()
    const sizes = []
    page.on('request', (request) => hosts.add(new URL(request.url()).host))
    page.on('response', (response) => {
      sizes.push(response.body().then((body) => (bytes += gzipSync(body).length)))
    })
    await page.goto(`${address}/${path}`, { waitUntil: 'networkidle' })
    await Promise.all(sizes)
    await page.close()
    assert.deepEqual([...hosts], [new URL(address).host])
    weights.push(`${path} ${Math.round(bytes / 1000)} kB`)
    // The playground adds the parser and zod once its page has been shown.
    if (path !== 'playground.html') assert.ok(bytes < mostBytes, `${path} loads ${bytes} bytes.`)
  }
  return weights.join(', ')
}

async function checkAccessibility() {
  const looked = pages.filter((page) => !/^(?:decisions|api)\//.test(page))
  const samples = ['decisions/index.html', 'api/index.html', 'api/@formgate/core/classes/UploadedFile.html']
  const found = []
  for (const colorScheme of ['light', 'dark']) {
    const page = await browser.newPage({ colorScheme })
    for (const path of [...looked, ...samples]) {
      await page.goto(`${address}/${path}`)
      await page.evaluate(axe)
      const { violations } = await page.evaluate(() => globalThis.axe.run())
      for (const { id, nodes } of violations)
        found.push(`${colorScheme} ${path}: ${id}, ${nodes.length} times: ${nodes[0].html.slice(0, 200)}`)
    }
    await page.close()
  }
  assert.equal(found.join('\n'), '')
  return `${looked.length + samples.length} pages`
}

async function checkPhones() {
  const wide = []
  for (const [width, height, name] of [
    [320, 700, 'narrow'],
    [390, 844, 'phone'],
    [1366, 900, 'desktop'],
  ]) {
    const page = await browser.newPage({ viewport: { width, height } })
    for (const path of ['index', 'start', 'playground', 'comparison', 'errors', 'api/index']) {
      await page.goto(`${address}/${path}.html`, { waitUntil: 'networkidle' })
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      if (over > 0) wide.push(`${path} is ${over} px wider than ${width}`)
      await page.screenshot({ path: `${shots}${path.replace('/', '-')}-${name}.png` })
    }
    await page.close()
  }
  assert.equal(wide.join('\n'), '')
}

async function checkTabs() {
  const page = await browser.newPage()
  for (const name of ['Koa', 'Nest']) {
    await page.goto(`${address}/start.html`, { waitUntil: 'networkidle' })
    await page.locator('.vp-code-group .tabs label', { hasText: name }).first().click()
    for (const path of ['start', 'forms', 'first-upload', 'index']) {
      if (path !== 'start') await page.goto(`${address}/${path}.html`, { waitUntil: 'networkidle' })
      // A group without this framework keeps its own choice.
      await page.waitForFunction((chosen) => {
        const groups = [...document.querySelectorAll('.vp-code-group')].filter((group) =>
          group.querySelector('.tabs')?.textContent?.includes(chosen),
        )
        const shown = `@formgate/${chosen.toLowerCase()}`
        return (
          groups.length > 0 &&
          groups.every((group) => group.querySelector('.blocks > .active')?.textContent?.includes(shown))
        )
      }, name)
    }
  }
  await page.close()
}

async function checkSearch() {
  const page = await browser.newPage()
  await page.goto(`${address}/start.html`, { waitUntil: 'networkidle' })
  await page.keyboard.press('Control+k')
  await page.locator('.VPLocalSearchBox input').fill('MISSING_BOUNDARY')
  const first = page.locator('.VPLocalSearchBox .result').first()
  await first.waitFor()
  assert.match((await first.getAttribute('href')) ?? '', /errors\.html#missing_boundary/)
  await page.close()
}

async function checkPlayground() {
  const page = await browser.newPage()
  await page.goto(`${address}/playground.html`, { waitUntil: 'networkidle' })
  const status = page.locator('.bench-status')
  await status.filter({ hasText: '400 MISSING_BOUNDARY' }).waitFor()
  await page.locator('#bench-type').fill('multipart/form-data; boundary=X')
  await status.filter({ hasText: '200' }).waitFor()
  await page.locator('#bench-schema').fill('z.object({ title: z.string().min(20) })')
  await status.filter({ hasText: '422 VALIDATION_FAILED' }).waitFor()
  await page.close()
}
