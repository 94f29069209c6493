/** Advisories on file names, of AdonisJS and express-fileupload. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { disk, FileUploadParser, MultiPartParser, type DiskOptions } from '@formgate/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { exchange, file, form, multipartX, type Answer } from '../adapters/client.js'
import { frameworks, type Framework } from '../adapters/frameworks.js'
import { newDirectory, serve } from './server.js'

const names: readonly (readonly [what: string, name: string])[] = [
  ['../../x', '../../x'],
  ['..', '..'],
  ['.', '.'],
  ['./.././../x', './.././../x'],
  ['an absolute path', '/etc/x'],
  ['C:\\x', 'C:\\\\x'],
  ['..\\..\\x', '..\\\\..\\\\x'],
  ['a drive without a slash', 'C:x'],
  ['a share', '\\\\\\\\host\\\\share\\\\x'],
  ['a NUL in the middle', '../x\0.png'],
  ['a NUL alone', '\0'],
  ['escaped slashes', '..%2f..%2fx'],
  ['slashes of full width', '..\uff0f..\uff0fx'],
  ['an overlong slash', '..\u00c0\u00af..\u00c0\u00afx'],
  ['CON', 'CON'],
  ['con.txt', 'con.txt'],
  ['NUL.tar.gz', 'NUL.tar.gz'],
  ['dots and spaces at the end', 'x. . .'],
  ['a stream of NTFS', 'x.png::$DATA'],
  ['300 characters', 'x'.repeat(300)],
  ['300 characters of four bytes', '\u{1f600}'.repeat(300)],
  ['a name that is taken', 'taken.txt'],
  ['control characters', 'a\u0001\u001b[2Jb\u007f.txt'],
  ['a direction that turns', 'a\u202egnp.exe'],
  ['a temporary file', 'formgate-00000000000000000000000000000000.part'],
]

/** These contain nothing that could name a file. */
const nothing = ['.', '..', '\0']

const placed: readonly (readonly [string, DiskOptions['name']])[] = [
  ['by their safe name', ({ name }) => name],
  ['in a folder of their own, by their safe name', ({ name, field }) => `${field}/${name}`],
  ['by the name that the client sent', ({ originalName }) => originalName],
]

describe.each(frameworks)('$name', (framework: Framework) => {
  let root = ''
  let inside = ''

  beforeEach(async () => {
    root = await newDirectory()
    inside = join(root, 'a', 'uploads')
    await mkdir(inside, { recursive: true })
    // Files that must stay untouched: in the folder, and above it as far as the names reach.
    for (const path of ['x', 'a/x', 'taken.txt', 'a/uploads/taken.txt', 'a/uploads/CON'])
      await writeFile(join(root, path), 'mine')
  })

  async function expectUntouched(): Promise<void> {
    for (const path of ['x', 'a/x', 'taken.txt', 'a/uploads/taken.txt', 'a/uploads/CON'])
      expect([path, await readFile(join(root, path), 'utf8')]).toEqual([path, 'mine'])
    expect((await readdir(root)).toSorted()).toEqual(['a', 'taken.txt', 'x'])
    expect((await readdir(join(root, 'a'))).toSorted()).toEqual(['uploads', 'x'])
  }

  describe.each(placed)('files that are kept %s', (how, name) => {
    test.each(names)(
      'AdonisJS CVE-2026-21440 and express-fileupload CVE-2022-27261: %s stays in the directory and overwrites nothing',
      async (_, filename) => {
        const app = await serve(framework, {
          mount: { lazy: true },
          errorHandler: true,
          routes: [
            {
              path: '/',
              parsers: [MultiPartParser],
              options: { storage: disk({ directory: inside, ...(name !== undefined && { name }) }) },
              handler: ({ files }) => {
                const [kept] = files['f'] ?? []
                kept?.keep()
                return { path: kept?.path, name: kept?.name }
              },
            },
          ],
        })
        const answers: Answer[] = []
        for (let twice = 0; twice < 2; twice += 1) {
          const body = form('X', [file('f', filename), 'theirs'])
          answers.push(await exchange(app.port, { type: multipartX, body }))
        }
        await expectUntouched()
        for (const { status, json } of answers) {
          if (nothing.includes(filename)) {
            expect(json).toMatchObject({ status: 400, code: 'MALFORMED_PART' })
            continue
          }
          // An unsafe path that the app makes of the client's name is refused.
          if (how.includes('client sent') && status !== 200) expect(json.code).toBe('STORAGE_FAILED')
          else {
            expect(status).toBe(200)
            expect(json.path.startsWith(`${inside}/`)).toBe(true)
            expect(json.name).not.toMatch(/[/\\\0]/)
            expect(Buffer.byteLength(json.name)).toBeLessThanOrEqual(255)
          }
        }
        const paths = answers.flatMap(({ json }) => json.path ?? [])
        expect(new Set(paths).size).toBe(paths.length)
      },
    )
  })

  test.each(['..%2F..%2Fx', '%2Fetc%2Fx', '..%5C..%5Cx', 'C%3A%5Cx', 'x%00.png', 'taken.txt'])(
    'AdonisJS CVE-2026-21440: /raw/%s, a name in the path, stays in the directory and overwrites nothing',
    async (filename) => {
      const app = await serve(framework, {
        routes: [
          {
            path: '/raw/:filename',
            parsers: [FileUploadParser],
            options: { storage: disk({ directory: inside, name: ({ name }) => name }) },
            handler: ({ files }) => {
              files['file']?.[0]?.keep()
              return files['file']?.[0]?.path
            },
          },
        ],
      })
      const answer = await exchange(app.port, {
        path: `/raw/${filename}`,
        type: 'application/octet-stream',
        body: 'theirs',
      })
      if (answer.status === 200) expect(answer.json).toMatch(new RegExp(`^${inside}/[^/]+$`))
      else expect([400, 404]).toContain(answer.status)
      await expectUntouched()
    },
  )
})
