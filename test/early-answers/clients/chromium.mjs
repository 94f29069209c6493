/** Chromium: fetch() on a page of the app. */
import { chromium } from 'playwright-core'
import { chromiumArguments } from '../../chromium.js'
import { findChromium } from '../../clients/programs.js'
import { uploadSize } from '../ways.mjs'

/** @returns {Promise<import('./clients.mjs').OpenClient | undefined>} */
export async function openChromium() {
  const path = await findChromium()
  if (path === undefined) return undefined
  const browser = await chromium.launch({
    executablePath: path,
    args: [...chromiumArguments, '--no-proxy-server'],
  })
  /** @type {Map<string, Promise<import('playwright-core').Page>>} */
  const pages = new Map()
  return {
    version: browser.version(),
    async upload({ url }) {
      const { origin } = new URL(url)
      const opened = pages.get(origin) ?? openPage(browser, origin)
      pages.set(origin, opened)
      return (await opened).evaluate(
        `(async () => {
          const form = new FormData()
          form.append('f', window.upload, 'f')
          const response = await fetch('${url}', { method: 'POST', body: form })
          return { status: response.status, body: await response.text() }
        })()`,
      )
    },
    close: () => browser.close(),
  }
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} origin
 */
async function openPage(browser, origin) {
  const page = await browser.newPage()
  await page.goto(origin)
  await page.evaluate(`window.upload = new Blob([new Uint8Array(${uploadSize})]); undefined`)
  return page
}
