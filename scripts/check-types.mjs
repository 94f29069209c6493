/**
 * Compiles test/types against the packages as they are published: installed by npm from their tarballs, without the
 * workspace, with the strictest options, and with the oldest and the newest TypeScript that are supported.
 */
import { execFile } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './run.mjs'

/** @typedef {import('./tarballs.mjs').Tarballs} Tarballs */

/**
 * The apps of users: their adapter, what else they install, and their programs.
 * @type {Record<string, { others: string[], programs: string[] }>}
 */
const apps = {
  express: { others: ['express', '@types/express', '@types/multer'], programs: ['express', 'multer'] },
  koa: { others: ['koa', '@types/koa', '@koa/router'], programs: ['koa'] },
  fastify: { others: ['fastify'], programs: ['fastify'] },
  nest: { others: ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'], programs: ['nest'] },
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

/**
 * @param {Tarballs} tarballs
 * @returns {Promise<string[]>} The output of the compilers that fail
 */
export async function checkTypes(tarballs) {
  const folders = await Promise.all(Object.keys(apps).map((adapter) => install(tarballs, adapter)))
  const programs = folders.flatMap(({ folder, programs }) => programs.map((name) => join(folder, name)))
  // The types of multer declare req.files for every file that is compiled with them.
  const together = programs.filter((program) => !program.endsWith('multer'))
  const alone = programs.filter((program) => !together.includes(program))
  const newest = programs.map((program) => compile(compilers.newest, [program]))
  // It takes five seconds for the types of dependencies, which programs have in common.
  const oldest = [together, alone].map((files) => compile(compilers.oldest, files))
  return (await Promise.all([...newest, ...oldest])).flat()
}

/**
 * @param {Tarballs} tarballs
 * @param {string} adapter
 */
async function install(tarballs, adapter) {
  const { others, programs } = apps[adapter] ?? { others: [], programs: [] }
  const { devDependencies } = JSON.parse(readFileSync(`${root}test/package.json`, 'utf8'))
  const dependencies = Object.fromEntries([
    ...['core', adapter].map((name) => [`@formgate/${name}`, tarballs.of(name)]),
    ...[...others, 'zod'].map((name) => [name, devDependencies[name]]),
    ['@types/node', '^20.19.0'],
  ])
  const folder = await tarballs.install(adapter, { private: true, type: 'module', dependencies })
  for (const name of ['equal', 'schemas', ...programs])
    copyFileSync(`${root}test/types/${name}.ts`, join(folder, `${name}.ts`))
  return { folder, programs }
}

/**
 * @param {string} compiler
 * @param {string[]} programs Paths without `.ts`. The first is next to the configuration.
 * @returns {Promise<string[]>}
 */
async function compile(compiler, [first = '', ...others]) {
  const { version } = JSON.parse(readFileSync(`${root}${compiler}/package.json`, 'utf8'))
  const project = `${first}.${version}.json`
  const files = [first, ...others].map((program) => `${program}.ts`)
  writeFileSync(project, JSON.stringify({ compilerOptions, files }))
  try {
    await promisify(execFile)(process.execPath, [`${root}${compiler}/bin/tsc`, '-p', project])
    return []
  } catch (error) {
    return [`TypeScript ${version}:\n${/** @type {{ stdout: string }} */ (error).stdout}`]
  }
}
