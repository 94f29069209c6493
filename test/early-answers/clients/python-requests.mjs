/** python-requests: a process that sends uploads in sequence. */
import { execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { clientEnvironment, findPython } from '../../clients/programs.js'
import { uploadSize } from '../ways.mjs'

const script = fileURLToPath(new URL('python-requests.py', import.meta.url))

/** @returns {Promise<import('./clients.mjs').OpenClient | undefined>} */
export async function openPythonRequests() {
  const path = await findPython()
  if (path === undefined) return undefined
  /** @type {ReturnType<typeof start>[]} */
  const idle = []
  /** @type {ReturnType<typeof start>[]} */
  const all = []
  const fresh = () => {
    const python = start(path)
    all.push(python)
    return python
  }
  const tell = ['-c', 'import requests; print(requests.__version__)']
  return {
    version: execFileSync(path, tell, { encoding: 'utf8' }).trim(),
    async upload(job) {
      const python = idle.pop() ?? fresh()
      try {
        return await python.run(job)
      } finally {
        idle.push(python)
      }
    },
    close: async () => all.forEach(({ end }) => end()),
  }
}

/** @param {string} path of Python */
function start(path) {
  const python = spawn(path, [script, String(uploadSize)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...clientEnvironment, no_proxy: '*', NO_PROXY: '*' },
  })
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]()
  return {
    /**
     * @param {import('./clients.mjs').Job} job
     * @returns {Promise<import('./clients.mjs').Outcome>}
     */
    async run(job) {
      python.stdin.write(`${JSON.stringify(job)}\n`)
      const { value } = await lines.next()
      return JSON.parse(String(value))
    },
    end: () => python.stdin.end(),
  }
}
