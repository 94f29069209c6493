/** Measures an import in a new process, after that of its framework: `node import-time.mjs <framework>/<library>`. */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const packages = {
  'express/multer': 'multer',
  'koa/koa-multer': '@koa/multer',
  'fastify/fastify-multipart': '@fastify/multipart',
}

const [name] = process.argv.slice(2)
const [framework] = name.split('/')
const peer = createRequire(new URL('peers/package.json', import.meta.url))
const own = new URL(`../packages/${framework}/dist/index.mjs`, import.meta.url).href
const library = name.endsWith('/formgate') ? own : pathToFileURL(peer.resolve(packages[name])).href

await import('node:http')
const bare = await timed(pathToFileURL(peer.resolve(framework)).href)
const added = await timed(library)
console.log(JSON.stringify({ framework: bare, added }))

async function timed(url) {
  const start = performance.now()
  await import(url)
  return performance.now() - start
}
