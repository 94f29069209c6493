/** Builds the core for the playground, as one file that the page loads when it is used. */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
// Of the workspace, which builds its packages with it.
import { rolldown } from 'rolldown'

const require = createRequire(import.meta.url)
const node = fileURLToPath(new URL('node.mjs', import.meta.url))
const output = fileURLToPath(new URL('../public/engine/', import.meta.url))

const packages = { buffer: 'buffer/', events: 'events/', process: 'process/browser.js' }

const bundle = await rolldown({
  input: fileURLToPath(new URL('engine.mjs', import.meta.url)),
  platform: 'browser',
  // Node's timers can be unreferenced.
  transform: {
    define: { global: 'globalThis' },
    inject: {
      setTimeout: [node, 'nodeSetTimeout'],
      setInterval: [node, 'nodeSetInterval'],
      Buffer: [node, 'Buffer'],
    },
  },
  plugins: [
    {
      name: 'node-in-browsers',
      resolveId(id, importer = '') {
        if (importer === node) return undefined
        if (id.startsWith('node:')) return node
        const isOfStreams = /[\\/](?:readable-stream|string_decoder|safe-buffer)[\\/]/.test(importer)
        const name = id.replace(/\/$/, '')
        if (isOfStreams && name in packages) return require.resolve(packages[name])
        if (['stream', 'events', 'util'].includes(id)) return node
        return undefined
      },
    },
  ],
  onLog(level, { code, message }) {
    if (code !== 'EVAL' && level !== 'debug' && level !== 'info') throw new Error(message)
  },
})
await bundle.write({
  dir: output,
  format: 'esm',
  minify: true,
  entryFileNames: 'engine.js',
  chunkFileNames: '[name].js',
})
await bundle.close()
