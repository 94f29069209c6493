import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { S3Client } from '@aws-sdk/client-s3'
import {
  BodyError,
  defaultLimits,
  disk,
  memory,
  spool,
  UploadedFile,
  type ErrorCode,
  type Storage,
} from '@formgate/core'
import { s3 } from '@formgate/s3'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { attackNames } from '../chaos/kinds/attacks.js'
import { readPages, root } from './pages.js'

const pages = readPages()
const readme = textOf('README.md')
const errorsPage = textOf('docs/errors.md')

const codes = [
  ...readFileSync(`${root}packages/core/src/errors.ts`, 'utf8').matchAll(/^ {2}\| '([A-Z_]+)'$/gm),
].map((match) => match[1] as ErrorCode)

describe('the tables of the README', () => {
  test('list every error code with its status', () => {
    const rows = [...readme.matchAll(/^\| (\d{3}).*? \| (.*) \|$/gm)].flatMap(([, status, row]) =>
      [...row!.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => [code, Number(status)] as const),
    )
    const statuses = codes.map((code) => [code, new BodyError(code).status])
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(statuses))
  })

  test('list every limit with its default', () => {
    const rows = [...readme.matchAll(/^\| `(\w+)` \| ([\d,]+)( [KM]iB)? \|/gm)].map(
      ([, name, number, unit]) => {
        const factor = { ' KiB': 1024, ' MiB': 1024 ** 2 }[unit ?? ''] ?? 1
        return [name, Number(number!.replace(',', '')) * factor] as const
      },
    )
    expect(Object.fromEntries(rows)).toEqual(defaultLimits)
  })

  test('have every code that the page on errors explains, under the same status', () => {
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

describe('the page on security', () => {
  const page = textOf('docs/security.md')
  const advisory = /CVE-\d{4}-\d+|PR#\d+|@fastify\/busboy 3\.2\.1 to 3\.2\.6/g
  const ids = (text: string): string[] => [...new Set(text.match(advisory))].toSorted()

  test('names exactly the advisories in the titles of tests', () => {
    const tests = readdirSync(`${root}test/advisories`).filter((name) => name.endsWith('.test.ts'))
    const named = ids(page)
    expect(named.length).toBeGreaterThan(40)
    expect(ids(tests.map((name) => textOf(`test/advisories/${name}`)).join())).toEqual(named)
  })

  test('names only tests that exist', () => {
    const section = page.slice(page.indexOf('## Published advisories'))
    const paths = [
      ...[...page.matchAll(/`((?:test|packages)\/[\w./-]+)`/g)].map(([, path]) => path!),
      ...[...section.matchAll(/`([\w-]+\.test\.ts)`/g)].map(([, name]) => `test/advisories/${name}`),
    ]
    expect(paths.length).toBeGreaterThan(40)
    for (const path of paths) expect([path, existsSync(root + path)]).toEqual([path, true])
  })

  test('has a row for every measured attack', () => {
    const [, section = ''] = /<!-- run: begin -->([^]*)<!-- run: end -->/.exec(page) ?? []
    const rows = [...section.matchAll(/^\| ([^|]+?) \|/gm)].map(([, name]) => name!).slice(2)
    expect(rows).toEqual(attackNames)
    expect(section).toMatch(/^100 clients at their worst under default limits hold [\d,]+ MiB/m)
  })

  test('has a row for every requirement of ASVS 5.0, V5', () => {
    const rows = [...page.matchAll(/^\| V(5\.\d\.\d): .* \| \d/gm)].map(([, id]) => id)
    const counts = { 1: 1, 2: 6, 3: 3, 4: 3 }
    const all = Object.entries(counts).flatMap(([section, count]) =>
      Array.from({ length: count }, (_, at) => `5.${section}.${at + 1}`),
    )
    expect(rows).toEqual(all)
  })
})

test('what a newcomer types is what the page for newcomers says', () => {
  const page = textOf('docs/start.md')
  const shell = [...page.matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, code]) => code!.trim().split('\n'))
  const said = [...shell, 'npm start']
  const typed = [...textOf('docs/first-upload.md').matchAll(/^\$ (.*?)(?: {3}# .*)?$/gm)].map(
    ([, line]) => line!,
  )
  expect(page).toContain('`npm start`')
  expect([...new Set(typed)].toSorted()).toEqual([...new Set(said)].toSorted())
})

test('the playground of the website has everything that core takes from Node', () => {
  const stub = textOf('site/playground/node.mjs')
  const given = new Set([
    ...[...stub.matchAll(/^export (?:const|class|function) (\w+)/gm)].map(([, name]) => name!),
    ...[...stub.matchAll(/^export \{ (.+) \}$/gm)].flatMap(([, names]) => names!.split(', ')),
  ])
  const taken = readdirSync(`${root}packages/core/src`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .flatMap((name) => [
      ...textOf(`packages/core/src/${name}`).matchAll(/^import \{([^}]+)\} from 'node:[\w/]+'$/gm),
    ])
    .flatMap(([, names]) => names!.split(',').map((name) => name.trim()))
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.replace(/ as .*/, ''))
  expect(taken.length).toBeGreaterThan(30)
  expect(taken.filter((name) => !given.has(name))).toEqual([])
})

describe('the comparison of the website', () => {
  const page = textOf('site/pages/comparison.md')
  const cells = (line: string): string[] =>
    line.split(' | ').map((cell) => cell.replace(/^\|| \|$/g, '').trim())
  const row = (start: string): string[] =>
    cells(page.split('\n').find((line) => line.includes(start)) ?? '').slice(1)

  test('counts the mistakes of clients as the conformance run has answered them', () => {
    const [, section = ''] =
      /^## What clients get wrong$([^]*?)^## /m.exec(textOf('docs/multipart-conformance.md')) ?? []
    const mistakes = [...section.matchAll(/^\| .*$/gm)]
      .map(([line]) => cells(line).slice(1))
      .filter(([formgate]) => /^[45]/.test(formgate ?? ''))
    const count = (column: number, status: string): string =>
      String(mistakes.filter((answers) => answers[column]?.startsWith(status)).length)
    // Formgate, multer, @fastify/multipart, formidable, busboy
    const places = [0, 1, 2, 4, 5]
    for (const [status, start] of [
      ['4', 'answered with a 4xx'],
      ['200', 'accepted with a 200'],
    ] as const)
      expect(places.map((at) => row(start)[at])).toEqual(places.map((_, column) => count(column, status)))
    expect(page).toContain(`of ${mistakes.length} |`)
  })

  test('shows the measured speed of each library', () => {
    const [, section = ''] =
      /^### Photo of 5 MB, to disk(?:[^]*?)\n\n([^]*?)^### /m.exec(textOf('docs/performance.md')) ?? []
    const measured = (name: string): string[] =>
      [...section.matchAll(new RegExp(`/${name} +\\| +[\\d.]+ \\| +(\\d+)`, 'g'))].map(([, speed]) => speed!)
    const shown = row('Photo of 5 MB')
    const formgate = measured('formgate').map(Number)
    expect(shown[0]).toBe(`${Math.min(...formgate)} to ${Math.max(...formgate)}`)
    const peers = ['multer', 'fastify-multipart', 'koa-body', 'formidable'].map((name) => measured(name)[0])
    expect(shown.slice(1, 5)).toEqual(peers)
    expect(shown[6]).toBe(measured('remix')[0])
  })
})

describe.skipIf(process.platform === 'win32')('the table of who can read what', () => {
  const [, section = ''] = textOf('docs/files.md').split('## Who can read what')
  const rows = [
    ...section.split('\n## ')[0]!.matchAll(/^\| (\S.*?) \| (0\d{3}|as .*?|no .*?) \| .*\|$/gm),
  ].map(([, what, permissions]) => [what!, permissions!] as const)
  const description = {
    field: 'f',
    name: 'a',
    originalName: 'a',
    type: '',
    headers: {},
    request: { headers: {} },
  }
  let umask = 0
  let root = ''
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'who-can-read-'))
    umask = process.umask(0)
  })
  afterEach(async () => {
    process.umask(umask)
    await rm(root, { recursive: true })
  })

  async function upload(
    storage: Storage,
    bytes: Buffer | string = 'x'.repeat(300_000),
  ): Promise<UploadedFile> {
    const stored = await storage.store(
      Readable.from([Buffer.from(bytes)]),
      description,
      new AbortController().signal,
    )
    return new UploadedFile(stored!, description)
  }
  const modeOf = (path: string): string => `0${(statSync(path).mode & 0o7777).toString(8)}`
  const inside = (...names: string[]): string => join(root, ...names)

  /** Measures the permissions that a row is about. */
  const measures: Record<string, () => Promise<string | readonly string[]>> = {
    'a file of `disk()`': async () => [
      modeOf((await upload(disk({ directory: root }))).path!),
      modeOf((await upload(disk({ directory: root, name: () => 'a/b' }))).path!),
    ],
    'a file that `disk()` is still writing, `formgate-….part`': async () => {
      const stream = new Readable({ read() {} })
      stream.push(Buffer.alloc(600_000))
      const storing = disk({ directory: root }).store(stream, description, new AbortController().signal)
      await vi.waitUntil(() => readdirSync(root).length > 0, { timeout: 30_000 })
      const [name = ''] = readdirSync(root)
      expect(name).toMatch(/^formgate-.*\.part$/)
      const mode = modeOf(inside(name))
      stream.push(null)
      await storing
      return mode
    },
    'a directory that `disk()` creates: its own, those above it, and the folders of a name': async () => {
      await upload(disk({ directory: inside('a', 'b'), name: () => 'c/d' }))
      return [modeOf(inside('a')), modeOf(inside('a', 'b')), modeOf(inside('a', 'b', 'c'))]
    },
    'a directory that exists': async () => {
      await chmod(root, 0o755)
      await upload(disk({ directory: root, directoryMode: 0o700 }))
      return modeOf(root) === '0755' ? 'as it is' : modeOf(root)
    },
    'a large file of `spool()`': async () => modeOf((await upload(spool({ directory: root }))).path!),
    'the directory of `spool()`, if it is missing': async () => {
      await upload(spool({ directory: inside('a', 'b') }))
      return [modeOf(inside('a')), modeOf(inside('a', 'b'))]
    },
    'what `toPath()` writes': async () =>
      modeOf(await (await upload(spool({ directory: root }), 'x')).toPath()),
    'a file of `disk()` after `moveTo()`': async () => {
      const file = await upload(disk({ directory: root, mode: 0o644 }))
      await file.moveTo(inside('moved'))
      return modeOf(inside('moved')) === '0644' ? 'as before' : modeOf(inside('moved'))
    },
    'a file of `spool()` or `memory()` after `moveTo()`': async () => {
      for (const [storage, bytes] of [
        [spool({ directory: root }), undefined],
        [spool({ directory: root }), 'x'],
        [memory(), 'x'],
      ] as const)
        await (await upload(storage, bytes)).moveTo(inside('moved'), { overwrite: true })
      return modeOf(inside('moved'))
    },
    'a file of `memory()`': async () => {
      const { path } = await upload(memory())
      return path ?? 'no file'
    },
    // Nothing is said of permissions unless the app does, which a bucket then decides.
    'an object of `s3()`': async () => {
      const client = new S3Client({ region: 'us-east-1' })
      let acl: string | undefined = 'not sent'
      client.send = (async ({ input }: { input: { ACL?: string } }) => {
        acl = input.ACL
        return { ETag: '"1"' }
      }) as never
      await upload(s3({ bucket: 'films', client }))
      return acl ?? 'as the bucket says'
    },
  }

  test('has a measure for each row', () => {
    expect(rows.map(([what]) => what)).toEqual(Object.keys(measures))
  })

  test.each(rows)('%s: %s', async (what, permissions) => {
    const measured = [await measures[what]!()].flat()
    expect(measured).toEqual(measured.map(() => permissions))
  })
})

describe('links', () => {
  const links = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https:)([^)\s]+)\)/g)].map(([, link]) => [path, link!] as const),
  )

  test.each(links)('%s links to %s, which exists', (path, link) => {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : join(dirname(path), file)
    expect(existsSync(root + target), `${target} is missing`).toBe(true)
    if (anchor !== undefined) expect(anchors(textOf(target))).toContain(anchor)
  })
})

function textOf(path: string): string {
  return readFileSync(root + path, 'utf8')
}

/** The anchors that GitHub gives to the headings of a page. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
