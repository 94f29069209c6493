/**
 * Proves, with the packages as they are published, who may use Formgate: `npm run test:matrix`.
 *
 * Each pair of a framework and zod is installed by npm in a folder of its own, without flags. The first example of the
 * README must run there as a module and as CommonJS. Then TypeScript, Jest, ts-jest and esbuild get a turn.
 * `npm run test:matrix -- Jest` runs the checks with one of the words in their names.
 */
import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './run.mjs'
import { Tarballs } from './tarballs.mjs'

/** What an install may add at most. */
const most = { packages: 12, bytes: 4_000_000 }

/** @type {Record<string, string[]>} */
const frameworks = {
  express: ['4.18.0', '4', '5.0.0', '5'],
  koa: ['2.13.0', '2', '3.0.0', '3'],
  fastify: ['5.0.0', '5'],
}
// The package of zod 3.25.0 lacks the modules of zod/v4.
const zods = ['3.25.1', '3.25', '4.0.0', '4']
const compilers = ['5.4', '5.9', '7']
/** `module` and `moduleResolution`. TypeScript 7 no longer has node10. */
const moduleSystems = [
  ['commonjs', 'node10'],
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
]
const jests = ['29', '30']
// The packages of earlier versions of each major do not fit each other.
const nests = ['11.0.3', '11', '12.0.1', '12']

/** Compiled in every module system. */
const typedApp = `import { BodyError, form, multipart, type UploadedFile } from '@formgate/express'
import { describe } from '@formgate/express/describe'
import express from 'express'
import { z } from 'zod'
const app = express()
app.use(multipart())
app.post('/', form(z.object({ age: z.number(), image: z.file() })), (req, res) => {
  const age: number = req.data.age
  const image: UploadedFile = req.data.image
  // @ts-expect-error the schema has no such field
  void req.data.name
  res.json({ age, size: image.size })
})
export const rows: number = describe(app).length
export const code = (error: unknown): string => (error instanceof BodyError ? error.code : '')
export const isOne = (error: unknown): boolean => BodyError.is(error) && error.status > 399
`

/** Compiled and run as a module and as CommonJS, on both platforms of Nest. */
const nestApp = `import 'reflect-metadata'
import { accept, BodyError, FormData, FormgateModule, sniff, UseForm, type Out } from '@formgate/nest'
import { Controller, Module, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger'
import assert from 'node:assert'
import { z } from 'zod'
const User = z.object({ age: z.number(), image: z.file().check(accept('image/*'), sniff()) })
type User = Out<typeof User>
@Controller()
class Users {
  @Post()
  @UseForm(User)
  create(@FormData() user: User, @FormData('age') age: number) {
    return { age, size: user.image.size, is: user.image instanceof File }
  }
}
@Module({ imports: [FormgateModule.forRoot()], controllers: [Users] })
class AppModule {}
async function main(): Promise<void> {
  for (const adapter of [new ExpressAdapter(), new FastifyAdapter()]) {
    const app = await NestFactory.create(AppModule, adapter, { logger: ['error', 'warn'], abortOnError: false })
    const { paths } = SwaggerModule.createDocument(app, new DocumentBuilder().build())
    assert.match(JSON.stringify(paths), /"multipart\\/form-data":{"schema":{"type":"object"/)
    await app.listen(0, '127.0.0.1')
    const send = async (type: string) => {
      const sent = new FormDataOfNode()
      sent.append('age', '42')
      sent.append('image', new File([Buffer.from('89504e470d0a1a0a0000000d4948445200000001', 'hex')], 'a', { type }))
      return fetch(await app.getUrl(), { method: 'POST', body: sent })
    }
    assert.deepEqual(await (await send('image/png')).json(), { age: 42, size: 20, is: true })
    const refused = await send('image/gif')
    assert.deepEqual([refused.status, refused.headers.get('content-type')], [422, 'application/problem+json'])
    await app.close()
  }
  assert.equal((await import('@formgate/nest')).BodyError, BodyError)
}
const FormDataOfNode = globalThis.FormData
main().catch((error) => { console.error(error); process.exit(1) })
`

const tarballs = new Tarballs('matrix')
const readme = readFileSync(`${root}README.md`, 'utf8')
const typesVersion = '20.19'
let failures = 0

const only = process.argv.slice(2)
for (const [framework, versions] of Object.entries(frameworks)) {
  for (const version of versions) {
    // Every zod on the newest framework, and the newest zod on every framework.
    for (const zod of version === versions.at(-1) ? zods : [zods.at(-1)]) {
      await check(`${framework}@${version} zod@${zod}`, () => pair(framework, version, String(zod)))
    }
  }
}
for (const nest of nests) await check(`nest@${nest}`, () => runNest(nest))
await check('what an install adds', weigh)
for (const types of ['4', '5']) await check(`@types/express@${types}`, () => compileTypes('express', types))
for (const types of ['2', '3']) await check(`@types/koa@${types}`, () => compileTypes('koa', types))
for (const compiler of compilers) await check(`TypeScript ${compiler}`, () => compileModules(compiler))
for (const jest of jests) await check(`Jest ${jest}, ts-jest`, () => jestSuite(jest))
await check('Jest as nest new has it', jestOfNest)
await check('esbuild', bundle)
process.exit(failures === 0 ? 0 : 1)

/**
 * @param {string} name
 * @param {() => Promise<string | void>} run
 */
async function check(name, run) {
  if (only.length > 0 && !only.some((word) => name.includes(word))) return
  const started = performance.now()
  try {
    const note = await run()
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`✓ ${name} (${note === undefined ? '' : `${note}, `}${seconds} s)`)
  } catch (error) {
    failures += 1
    const {
      stdout = '',
      stderr = '',
      message,
    } = /** @type {Error & { stdout?: string, stderr?: string }} */ (error)
    console.error(`✗ ${name}\n${message}\n${stdout}${stderr}`)
  }
}

/**
 * @param {string} framework
 * @param {string} version
 * @param {string} zod
 */
async function pair(framework, version, zod) {
  const app = await install([framework, version, `zod@${zod}`], framework, [
    `${framework}@${version}`,
    `zod@${zod}`,
    ...(framework === 'koa' ? ['@koa/router@15'] : []),
  ])
  const example = exampleOf(framework)
  const zodPath = zod.startsWith('3') ? 'zod/v4' : 'zod'
  for (const extension of ['mjs', 'cjs']) {
    const code = extension === 'cjs' ? toCommonJs(example) : example
    const use = useOf(framework, zodPath)
    writeFileSync(join(app, `app.${extension}`), `${code}\n${extension === 'cjs' ? toCommonJs(use) : use}`)
    await node(app, `app.${extension}`)
  }
}

/** The first example of the README for a framework, on a free port and without top-level await. @param {string} framework */
function exampleOf(framework) {
  const blocks = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => String(block))
  const example = blocks.find((block) => block.includes(`from '@formgate/${framework}'`))
  if (example === undefined) throw new Error(`The README has no example for ${framework}.`)
  return example.replace(/^.*\.listen\(.*$/m, '')
}

/** Code behind an example, which sends requests to its app. @param {string} framework @param {string} zod its path */
function useOf(framework, zod) {
  const typed = {
    express: `app.use((error, req, res, next) => next(error))
app.post('/users', form(User), (req, res) => { res.json(answer(req.data)) })`,
    koa: `router.post('/users', form(User), (ctx) => { ctx.body = answer(ctx.request.data) })`,
    fastify: `app.post('/users', form(User), async (request) => answer(request.data))`,
  }[framework]
  const listen = {
    express: `await new Promise((resolve) => { server = app.listen(0, resolve) })`,
    koa: `await new Promise((resolve) => { server = app.listen(0, resolve) })`,
    fastify: `await app.listen({ port: 0 }); server = app.server`,
  }[framework]
  return `
import { accept, BodyError, form, sniff } from '@formgate/${framework}'
import { z } from '${zod}'
import assert from 'node:assert'
const User = z.object({ age: z.number(), image: z.file().check(accept('image/*'), sniff()) })
const answer = ({ age, image }) => ({ age, size: image.size, type: image.detectedType })
${typed}
let server
async function use() {
  ${listen}
  const url = 'http://127.0.0.1:' + server.address().port
  const echo = new FormData()
  echo.append('title', 'Hello')
  echo.append('photo', new File(['bytes'], 'a.txt'))
  const echoed = await (await fetch(url + '/echo', { method: 'POST', body: echo })).json()
  assert.equal(echoed.data.title, 'Hello')
  assert.equal(echoed.files.photo[0].size, 5)
  const send = async (type) => {
    const sent = new FormData()
    sent.append('age', '42')
    sent.append('image', new File([Buffer.from('89504e470d0a1a0a0000000d4948445200000001', 'hex')], 'a', { type }))
    return fetch(url + '/users', { method: 'POST', body: sent })
  }
  assert.deepEqual(await (await send('image/png')).json(), { age: 42, size: 20, type: 'image/png' })
  assert.equal((await send('image/gif')).status, 422)
  const imported = await import('@formgate/${framework}')
  assert.equal(imported.BodyError, BodyError)
  assert(new imported.BodyError('MALFORMED_JSON') instanceof BodyError)
  process.exit()
}
use().catch((error) => { console.error(error); process.exit(1) })
`
}

/** @param {string} code */
function toCommonJs(code) {
  return code
    .replace(/^import (\w+) from ('.*')$/gm, 'const $1 = ((found) => found.default ?? found)(require($2))')
    .replace(
      /^import (.*) from ('.*')$/gm,
      (_, names, path) => `const ${names.replaceAll(' as ', ': ')} = require(${path})`,
    )
    .replace(/^await (app\.register\(.*)$/gm, '$1')
}

/** Counts what `npm install @formgate/express` adds to a folder with Express. */
async function weigh() {
  const bare = await install(['bare'], undefined, ['express@5'])
  const own = await install(['own'], 'express', ['express@5'])
  const [before, after] = [measure(bare), measure(own)]
  const added = { packages: after.packages - before.packages, bytes: after.bytes - before.bytes }
  const text = `${added.packages} packages, ${(added.bytes / 1e6).toFixed(2)} MB`
  if (added.packages > most.packages || added.bytes > most.bytes) throw new Error(`It adds ${text}.`)
  return text
}

/** @param {string} app */
function measure(app) {
  const { packages } = JSON.parse(readFileSync(join(app, 'package-lock.json'), 'utf8'))
  const files = readdirSync(join(app, 'node_modules'), { recursive: true, withFileTypes: true })
  const bytes = files
    .filter((file) => file.isFile())
    .reduce((sum, file) => sum + readFileSync(join(file.parentPath, file.name)).length, 0)
  return { packages: Object.keys(packages).length, bytes }
}

/** Compiles test/types with the types of a major. @param {string} framework @param {string} types */
async function compileTypes(framework, types) {
  const others = framework === 'koa' ? [`koa@${types}`, '@koa/router@15'] : [`express@${types}`]
  const app = await install(['types', framework, types], framework, [
    ...others,
    `@types/${framework}@${types}`,
    `@types/node@${typesVersion}`,
    'typescript@5.9',
    'zod@4',
  ])
  for (const name of ['equal', 'schemas', framework])
    copyFileSync(`${root}test/types/${name}.ts`, join(app, `${name}.ts`))
  writeFileSync(join(app, 'package.json'), JSON.stringify({ type: 'module' }))
  await tsc(app, { module: 'nodenext', exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true })
}

/** @param {string} compiler a version of TypeScript */
async function compileModules(compiler) {
  const app = await install(['typescript', compiler], 'express', [
    'express@5',
    '@types/express@5',
    `@types/node@${typesVersion}`,
    `typescript@${compiler}`,
    'zod@4',
  ])
  writeFileSync(join(app, 'app.ts'), typedApp)
  for (const [module, moduleResolution] of moduleSystems) {
    if (compiler === '7' && moduleResolution === 'node10') continue
    for (const type of ['commonjs', 'module']) {
      const manifest = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'))
      writeFileSync(join(app, 'package.json'), JSON.stringify({ ...manifest, type }))
      await tsc(app, { module, moduleResolution, esModuleInterop: true })
    }
  }
}

/** @param {string} app @param {Record<string, unknown>} options */
async function tsc(app, options) {
  const compilerOptions = {
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2022',
    lib: ['es2023'],
    types: ['node'],
    ...options,
  }
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  try {
    await node(app, 'node_modules/typescript/bin/tsc', '-p', '.')
  } catch (error) {
    throw Object.assign(/** @type {Error} */ (error), { message: JSON.stringify(options) })
  }
}

/** Runs a test in plain JavaScript and one of ts-jest, as `jest` finds them without configuration. @param {string} jest */
async function jestSuite(jest) {
  const app = await install(['jest', jest], 'express', [
    'express@5',
    'zod@4',
    `jest@${jest}`,
    'ts-jest@29',
    'supertest@7',
    'typescript@5.9',
    '@types/express@5',
    '@types/supertest@6',
    `@types/jest@${jest}`,
  ])
  const code = `
const User = z.object({ age: z.number(), image: z.file().check(accept('image/*'), sniff()) })
const app = express()
app.use(multipart({ lazy: true }))
app.post('/', form(User), (req, res) => { res.json({ age: req.data.age, size: req.data.image.size, is: req.data.image instanceof File }) })
app.post('/json', parsers([JSONParser]), (req, res) => { res.json(req.data) })
const png = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d4948445200000001', 'hex'), Buffer.alloc(500_000)])
test('a form with a file', async () => {
  const answer = await request(app).post('/').field('age', '42').attach('image', png, { filename: 'a.png', contentType: 'image/png' })
  expect(answer.body).toEqual({ age: 42, size: png.length, is: true })
})
test('a file of another type', async () => {
  const answer = await request(app).post('/').field('age', '42').attach('image', png, { filename: 'a.gif', contentType: 'image/gif' })
  expect(answer.status).toBe(422)
})
test('JSON, and what is none', async () => {
  expect((await request(app).post('/json').send({ a: [1] })).body).toEqual({ a: [1] })
  const answer = await request(app).post('/json').type('json').send('{"a":')
  expect([answer.status, answer.body.code]).toEqual([400, 'MALFORMED_JSON'])
})
test('one class of errors', () => {
  expect(new BodyError('MALFORMED_JSON')).toBeInstanceOf(BodyError)
  expect(BodyError.is(new BodyError('MALFORMED_JSON'))).toBe(true)
})
`
  const imports = `import { accept, BodyError, form, JSONParser, multipart, parsers, sniff } from '@formgate/express'
import express from 'express'
import request from 'supertest'
import { z } from 'zod'
`
  mkdirSync(join(app, 'js'))
  mkdirSync(join(app, 'ts'))
  writeFileSync(join(app, 'js/app.test.js'), toCommonJs(imports) + code)
  writeFileSync(join(app, 'ts/app.test.ts'), imports + code)
  writeFileSync(
    join(app, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { strict: true, module: 'commonjs', esModuleInterop: true, target: 'es2022' },
    }),
  )
  await node(app, 'node_modules/jest/bin/jest.js', 'js')
  // What \`ts-jest config:init\` writes.
  writeFileSync(
    join(app, 'jest.config.js'),
    "module.exports = { testEnvironment: 'node', preset: 'ts-jest' }",
  )
  await node(app, 'node_modules/jest/bin/jest.js', 'ts')
}

/** @param {string} nest a version */
async function runNest(nest) {
  const packages = ['common', 'core', 'platform-express', 'platform-fastify'].map(
    (name) => `@nestjs/${name}@${nest}`,
  )
  const app = await install(['nest', nest], 'nest', [
    ...packages,
    `@nestjs/swagger@${nest.split('.')[0]}`,
    'reflect-metadata',
    'rxjs',
    'zod@4',
    'typescript@5.9',
    `@types/node@${typesVersion}`,
  ])
  writeFileSync(join(app, 'app.ts'), nestApp)
  for (const type of ['commonjs', 'module']) {
    const manifest = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'))
    writeFileSync(join(app, 'package.json'), JSON.stringify({ ...manifest, type }))
    await tsc(app, {
      module: 'nodenext',
      esModuleInterop: true,
      isolatedModules: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      skipLibCheck: true,
      noEmit: false,
    })
    await node(app, 'app.js')
  }
}

/** Runs the tests of the example for Nest. */
async function jestOfNest() {
  const { dependencies, devDependencies, jest } = JSON.parse(
    readFileSync(`${root}examples/nest/package.json`, 'utf8'),
  )
  Object.assign(dependencies, {
    '@formgate/core': tarballs.of('core'),
    '@formgate/nest': tarballs.of('nest'),
  })
  const app = await tarballs.install('jest-nest', { private: true, dependencies, devDependencies, jest })
  for (const name of ['src', 'test', 'tsconfig.json'])
    cpSync(`${root}examples/nest/${name}`, join(app, name), { recursive: true })
  await node(app, 'node_modules/jest/bin/jest.js')
}

/** Bundles the example for both formats, and runs it without node_modules. */
async function bundle() {
  const app = await install(['esbuild'], 'express', ['express@5', 'zod@4', 'esbuild'])
  writeFileSync(
    join(app, 'app.mjs'),
    `${exampleOf('express')}\n${useOf('express', 'zod').replace(/ {2}const imported[^]*?instanceof BodyError\)\n/, '')}`,
  )
  const esbuild = ['node_modules/esbuild/bin/esbuild', 'app.mjs', '--bundle', '--platform=node']
  // Express itself is CommonJS, which needs a require() in a module.
  const banner = `--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`
  await promisify(execFile)(
    join(app, esbuild[0] ?? ''),
    [...esbuild.slice(1), '--format=cjs', '--outfile=out/app.cjs'],
    { cwd: app },
  )
  await promisify(execFile)(
    join(app, esbuild[0] ?? ''),
    [...esbuild.slice(1), '--format=esm', banner, '--outfile=out/app.mjs'],
    { cwd: app },
  )
  rmSync(join(app, 'node_modules'), { recursive: true })
  await node(app, 'out/app.cjs')
  await node(app, 'out/app.mjs')
}

/**
 * Installs in a new folder, as a user does.
 * @param {string[]} names of the folder
 * @param {string | undefined} framework whose package of Formgate is installed
 * @param {string[]} others
 */
async function install(names, framework, others) {
  const own = framework === undefined ? [] : ['core', framework].map((name) => tarballs.of(name))
  const name = names.join('-').replaceAll(/[^\w.-]/g, '-')
  return tarballs.install(name, { private: true }, [...own, ...others])
}

/** @param {string} app @param {string[]} args */
async function node(app, ...args) {
  await promisify(execFile)(process.execPath, args, { cwd: app, timeout: 120_000 })
}
