import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BodyError, defaultLimits, type ErrorCode } from '@formgate/core'
import { describe, expect, test } from 'vitest'
import { readPages, root } from './pages.js'

const pages = readPages()
const readme = textOf('README.md')
const errorsPage = textOf('docs/errors.md')

const codes = [
  ...readFileSync(`${root}packages/core/src/errors.ts`, 'utf8').matchAll(/^ {2}\| '([A-Z_]+)'$/gm),
].map((match) => match[1] as ErrorCode)

describe('the tables', () => {
  test('of codes have every code beside its status', () => {
    const rows = [...readme.matchAll(/^\| (\d{3}).*? \| (.*) \|$/gm)].flatMap(([, status, row]) =>
      [...row!.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => [code, Number(status)] as const),
    )
    const statuses = codes.map((code) => [code, new BodyError(code).status])
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(statuses))
  })

  test('of limits have every default', () => {
    const rows = [...readme.matchAll(/^\| `(\w+)` \| ([\d,]+)( [KM]iB)? \|/gm)].map(
      ([, name, number, unit]) => {
        const factor = { ' KiB': 1024, ' MiB': 1024 ** 2 }[unit ?? ''] ?? 1
        return [name, Number(number!.replace(',', '')) * factor] as const
      },
    )
    expect(Object.fromEntries(rows)).toEqual(defaultLimits)
  })

  test('and the page on errors has a section for every code, under its status', () => {
    const sections = errorsPage.split(/^## /m).flatMap((section) => {
      const [status = ''] = /^\dxx|^\d{3}/.exec(section) ?? []
      return [...section.matchAll(/^### ([A-Z_]+)$/gm)].map(([, code]) => [code!, status] as const)
    })
    const statuses = codes.map((code) => {
      const { status } = new BodyError(code)
      return [code, status >= 500 ? '5xx' : String(status)]
    })
    expect(Object.fromEntries(sections)).toEqual(Object.fromEntries(statuses))
  })
})

describe('links', () => {
  const links = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https:)([^)\s]+)\)/g)].map(([, link]) => [path, link!] as const),
  )

  test.each(links)('%s: %s', (path, link) => {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : join(dirname(path), file)
    expect(existsSync(root + target), `${target} is missing`).toBe(true)
    if (anchor !== undefined) expect(anchors(textOf(target))).toContain(anchor)
  })
})

function textOf(path: string): string {
  return readFileSync(root + path, 'utf8')
}

/** What GitHub makes of the headings of a page. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
