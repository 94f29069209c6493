import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { migrate, run } from '@formgate/codemod'
import { expect, test } from 'vitest'
import { apps } from './apps.js'
import { readApp, writeApp } from './workplace.js'

/** Runs the codemod on one file. */
function change(text: string, name = 'app.js'): { text: string; marks: string[]; left: string[] } {
  const folder = writeApp({ [name]: text })
  const { marks, left } = migrate(folder)
  return {
    text: readApp(folder, [name])[name]!,
    marks: marks.map((each) => each.text),
    left: [...left.values()],
  }
}

const express = `const express = require('express')\nconst multer = require('multer')\nconst app = express()\n`

test.each([
  [
    'a storage of another package',
    `const s3 = require('multer-s3')\nconst upload = multer({ storage: s3({ bucket: 'b' }) })`,
    'Its storage is not one of multer',
  ],
  [
    'a directory that depends on the file',
    `const upload = multer({ storage: multer.diskStorage({ destination: (req, file, cb) => cb(null, 'uploads/' + file.fieldname) }) })`,
    'Its destination depends on the request or the file',
  ],
  [
    'a file name that depends on the request',
    `const upload = multer({ storage: multer.diskStorage({ destination: 'uploads', filename: (req, file, cb) => cb(null, req.params.id) }) })`,
    'Its filename reads the request',
  ],
  [
    'options from elsewhere',
    `const upload = multer(require('./options'))`,
    'Its options are not written in place',
  ],
  [
    'an option without a counterpart',
    `const upload = multer({ dest: 'uploads', preservePath: true })`,
    'no counterpart of its option `preservePath`',
  ],
  [
    'an upload that is passed on',
    `const upload = multer({ dest: 'u' })\nregister(upload)`,
    'It is passed on in `register(upload)`',
  ],
  [
    'a filter that another multer needs, which stays',
    `const fileFilter = (req, file, cb) => cb(null, true)\nconst other = multer({ fileFilter, preservePath: true })\nconst upload = multer({ fileFilter })`,
    'Another multer, which a person has to convert',
  ],
])('%s leaves the upload with multer, under a comment', (_, code, reason) => {
  const app = `${express}${code}\napp.post('/', upload.single('photo'), (req, res) => res.json(req.file.originalname))\n`
  const { text, marks } = change(app)
  expect(marks.join()).toContain(reason)
  const comments =
    /^\/\/ TODO\(formgate\): This multer was left as it is\. .* See docs\/migrating\.md#multer\.\n/gm
  expect(text.match(comments)?.length).toBe(marks.length)
  expect(text.replace(comments, '')).toBe(app)
})

test('a package that is still in use stays in package.json beside Formgate', () => {
  const folder = writeApp({
    'package.json': '{\r\n\t"dependencies": {\r\n\t\t"multer": "^2.0.0"\r\n\t}\r\n}\r\n',
    'app.js': `${express}app.post('/a', multer({ dest: 'a' }).none())\napp.post('/b', multer(options).none())\n`,
  })
  migrate(folder)
  const { 'app.js': app, 'package.json': manifest } = readApp(folder, ['app.js', 'package.json'])
  expect(manifest).toBe(
    '{\r\n\t"dependencies": {\r\n\t\t"@formgate/express": "^0.1.0",\r\n\t\t"multer": "^2.0.0"\r\n\t}\r\n}\r\n',
  )
  expect(app).toContain(
    `const multer = require('multer')\nconst { disk, multipart } = require('@formgate/express')\n`,
  )
  expect(app).toContain(`app.post('/a', multipart({ storage: disk({ directory: 'a' }), limits: { files: 0 }`)
  expect(app).toContain(`app.post('/b', multer(options).none())`)
})

test.each([
  ['res.json(req.body)', '`req.data` holds the files too'],
  ['new Product({ ...req.body })', '`req.data` holds the files too'],
  ['save(req.file)', 'Check what uses this'],
  ['res.send(req.file.buffer)', 'make this function async'],
  ['req.file.filename = "a.png"', 'does not take other properties'],
  ['const { file, body } = req', 'Change this by hand'],
])('`%s` is marked', (statement, reason) => {
  const app = `${express}const upload = multer({ limits: { fileSize: 10 } })\napp.post('/', upload.single('photo'), (req, res) => {\n  ${statement}\n})\n`
  const { text, marks } = change(app)
  expect(marks).toEqual([expect.stringContaining(reason)])
  expect(text).toMatch(/^ {2}\/\/ TODO\(formgate\): .* See docs\/migrating\.md#multer\.$/m)
})

test.each([
  [`app.use(koaBody({ multipart: true, formidable: { onFileBegin() {} } }))`, '`formidable.onFileBegin`'],
  [`app.use(koaBody({ jsonLimit: size }))`, '`jsonLimit` is not a size'],
  [`const parse = koaBody()\napp.use(parse)`, 'not written where it is used'],
])('koa-body stays in `%s`', (code, reason) => {
  const app = `const { koaBody } = require('koa-body')\n${code}\n`
  const { text, marks } = change(app)
  expect(marks).toEqual([expect.stringContaining(reason)])
  expect(text.replace(/^\/\/ TODO.*\n/m, '')).toBe(app)
})

test.each([
  [`app.register(multipart, { onFile })`, '`onFile`'],
  [`app.register(multipart, options)`, 'not written in place'],
])('@fastify/multipart stays in `%s`', (code, reason) => {
  const app = `import multipart from '@fastify/multipart'\n${code}\napp.post('/', async (req) => (await req.file()).filename)\n`
  const { text, marks } = change(app, 'app.mjs')
  expect(marks).toEqual([expect.stringContaining(reason)])
  expect(text.replace(/^\/\/ TODO.*\n/m, '')).toBe(app)
})

test('fields that were attached to the body are marked', () => {
  const app = `import multipart from '@fastify/multipart'\nawait app.register(multipart, { attachFieldsToBody: 'keyValues' })\n`
  const { text, marks } = change(app, 'app.mjs')
  expect(marks).toEqual([expect.stringContaining('a file there is an UploadedFile')])
  expect(text).toContain(`await app.register(multipart, { parsers: [MultiPartParser], errors: 'next' })`)
})

test.each(Object.keys(apps))('a second run changes nothing in %s', (name) => {
  const { before } = apps[name as keyof typeof apps]
  const folder = writeApp(before)
  migrate(folder)
  const first = readApp(folder, Object.keys(before))
  expect(migrate(folder).changed.size).toBe(0)
  expect(readApp(folder, Object.keys(before))).toEqual(first)
})

test('a second run does not repeat a comment', () => {
  const folder = writeApp({ 'app.js': `${express}app.post('/', multer(options).none())\n` })
  migrate(folder)
  const first = readApp(folder, ['app.js'])
  expect(first['app.js']).toContain('TODO(formgate)')
  expect(migrate(folder).changed.size).toBe(0)
  expect(readApp(folder, ['app.js'])).toEqual(first)
})

test('line ends, a byte order mark and the rest of the text stay as they were', () => {
  const app = `\uFEFF${express}// ☃\n\n\napp.post( '/' ,multer({ dest:'u',limits:{fileSize:1} }).none() ,h)\n`
  const { text } = change(app.replaceAll('\n', '\r\n'))
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
  expect(text.replaceAll('\r\n', '\n')).toBe(
    app
      .replace(`const multer = require('multer')`, `const { disk, multipart } = require('@formgate/express')`)
      .replace(
        `multer({ dest:'u',limits:{fileSize:1} }).none()`,
        `multipart({ storage: disk({ directory: 'u' }),limits:{fileSize:1, files: 0}, nested: true, errors: 'next' })`,
      ),
  )
})

test('a file that would not compile is left as it was, and so are those that belong to it', () => {
  const { before } = apps.multerTyped
  const strict = before['app.ts']!.replace(
    'const app = express()',
    "type Encoding = Express.Multer.File['encoding']\n$&",
  )
  const folder = writeApp({
    ...before,
    'app.ts': strict,
    'other.ts': `import multer from 'multer'\nexport const other = multer()\n`,
  })
  const lines: string[] = []
  expect(run(['.'], (text) => lines.push(text))).toBe(1)
  expect(readApp(folder, ['app.ts'])).toEqual({ 'app.ts': strict })
  expect(readApp(folder, ['other.ts'])['other.ts']).toContain(`from 'multer'`)
  expect(lines.join('')).toContain(
    `app.ts: Property 'encoding' does not exist on type 'UploadedFile<StoredFile>'.`,
  )
})

test('a file with a syntax error is left as it was', () => {
  const app = `${express}const upload = multer({ dest: 'u' )\n`
  const { text } = change(app)
  expect(text).toBe(app)
})

test('types are checked where the app has them', () => {
  expect(migrate(writeApp(apps.multerTyped.before)).isTypeChecked).toBe(true)
  expect(migrate(writeApp(apps.multerHandlers.before)).isTypeChecked).toBe(false)
})

test('dependencies, the history and what was built are not touched', () => {
  const names = ['node_modules/a/index.js', '.git/hooks/a.js', 'dist/app.js']
  const app = `${express}const upload = multer({ dest: 'u' })\n`
  const folder = writeApp(Object.fromEntries(['app.js', ...names].map((name) => [name, app])))
  expect([...migrate(folder).changed.keys()]).toEqual([`${folder}/app.js`])
  for (const text of Object.values(readApp(folder, names))) expect(text).toBe(app)
})

test('the command prints what it has done, and what is left to do', () => {
  const folder = writeApp({
    ...apps.multerHandlers.before,
    'more.js': `${express}app.post('/', multer(options).none())\n`,
  })
  const lines: string[] = []
  expect(run(['.'], (text) => lines.push(text))).toBe(0)
  expect(lines.join('')).toBe(`Changed 5 files.
  app.js
  controller.js
  more.js
  upload.js
  package.json
1 place for you to decide, each with a comment TODO(formgate):
  more.js:4 This multer was left as it is. Its options are not written in place.
Every file was parsed again. Types were not checked: run npm install, your compiler and your tests.
`)
  expect(existsSync(`${folder}/package.json`)).toBe(true)
})

test('--dry writes nothing, and --print prints the new text', () => {
  const { before, after } = apps.koaMulter
  const folder = writeApp(before)
  const lines: string[] = []
  expect(run(['.', '--dry', '--print'], (text) => lines.push(text))).toBe(0)
  expect(lines.join('')).toContain(`--- app.js\n${after['app.js']}\nWould change 1 file.\n`)
  expect(readApp(folder, Object.keys(before))).toEqual(before)
})

test('changes that are not committed are warned of', () => {
  writeApp({ 'app.js': `${express}multer({ dest: 'u' })\n` })
  execFileSync('git', ['init', '-q'])
  const lines: string[] = []
  run(['.', '--dry'], (text) => lines.push(text))
  expect(lines[0]).toBe(
    'Warning: git has changes here that are not committed, so a `git diff` will show both.\n',
  )
})

test('an app without these packages is left alone', () => {
  writeApp({ 'app.js': `const express = require('express')\n` })
  const lines: string[] = []
  expect(run(['.'], (text) => lines.push(text))).toBe(0)
  expect(lines).toEqual(['Changed 0 files.\n'])
})

test.each([[[]], [['--help']], [['a', 'b']]])('the arguments %j print how to use it', (args) => {
  const lines: string[] = []
  expect(run(args, (text) => lines.push(text))).toBe(1)
  expect(lines.join('')).toContain('Usage: npx @formgate/codemod <path> [--dry] [--print]')
})

test('a path that does not exist is said to be missing', () => {
  const lines: string[] = []
  expect(run(['no-such-path'], (text) => lines.push(text))).toBe(1)
  expect(lines).toEqual(['There is no no-such-path.\n'])
})

test('the version that package.json gets is that of the packages', () => {
  const { version } = JSON.parse(
    readFileSync(new URL('../../packages/express/package.json', import.meta.url), 'utf8'),
  )
  const folder = writeApp(apps.multerHandlers.before)
  migrate(folder)
  expect(readApp(folder, ['package.json'])['package.json']).toContain(`"@formgate/express": "^${version}"`)
})
