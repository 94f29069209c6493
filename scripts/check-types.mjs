/**
 * Compiles test/types against the packages as they are published: installed by npm from their tarballs, without the
 * workspace, with the strictest options, and with the oldest and the newest TypeScript that are supported.
 */
import { execFile } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './run.mjs'
import { Tarballs } from './tarballs.mjs'

/**
 * The programs, with the adapter and the dependencies of their users.
 * @type {Record<string, { adapter: string, others: string[] }>}
 */
const programs = {
  express: { adapter: 'express', others: ['express', '@types/express'] },
  multer: { adapter: 'express', others: ['express', '@types/express', '@types/multer'] },
  koa: { adapter: 'koa', others: ['koa', '@types/koa', '@koa/router'] },
  fastify: { adapter: 'fastify', others: ['fastify'] },
  nest: { adapter: 'nest', others: ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'] },
}
const compilers = { oldest: 'test/node_modules/typescript-5', newest: 'node_modules/typescript' }
const compilerOptions = {
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  experimentalDecorators: true,
  noEmit: true,
  target: 'es2023',
  lib: ['es2023'],
  module: 'nodenext',
  types: ['node'],
}

const tarballs = new Tarballs('types')
const { devDependencies } = JSON.parse(readFileSync(`${root}test/package.json`, 'utf8'))

const failures = await Promise.all(Object.entries(programs).map(check))
for (const text of failures.flat()) console.error(text)
if (failures.flat().length > 0) process.exit(1)

/**
 * @param {[string, { adapter: string, others: string[] }]} program
 * @returns {Promise<string[]>} The output of the compilers that fail
 */
async function check([program, { adapter, others: names }]) {
  const own = ['core', adapter].map((name) => [`@formgate/${name}`, tarballs.of(name)])
  const others = [...names, 'zod'].map((name) => [name, devDependencies[name]])
  const dependencies = Object.fromEntries([...own, ...others, ['@types/node', '^20.19.0']])
  const app = await tarballs.install(program, { private: true, type: 'module', dependencies })
  for (const name of ['equal', 'schemas', program]) {
    copyFileSync(`${root}test/types/${name}.ts`, join(app, `${name}.ts`))
  }
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  return (await Promise.all(Object.values(compilers).map((compiler) => compile(app, compiler)))).flat()
}

/**
 * @param {string} app
 * @param {string} compiler
 * @returns {Promise<string[]>}
 */
async function compile(app, compiler) {
  const { version } = JSON.parse(readFileSync(`${root}${compiler}/package.json`, 'utf8'))
  try {
    await promisify(execFile)(process.execPath, [`${root}${compiler}/bin/tsc`, '-p', '.'], { cwd: app })
    console.log(`${basename(app)}: TypeScript ${version}`)
    return []
  } catch (error) {
    return [`TypeScript ${version}:\n${/** @type {{ stdout: string }} */ (error).stdout}`]
  }
}
