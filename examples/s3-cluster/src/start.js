/** Starts the front and the app processes, and replaces those that die: node examples/s3-cluster/src/start.js */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createFront } from './front.js'

const program = fileURLToPath(new URL('app.js', import.meta.url))
const { PORT = '3000', PROCESSES = '3' } = process.env

/** @type {Map<import('node:child_process').ChildProcess, number>} */
const ports = new Map()

function startApp() {
  const app = fork(program)
  app.on('message', (message) => {
    const { port } = /** @type {{ port: number }} */ (message)
    ports.set(app, port)
    console.log(`app ${app.pid} listens on ${port}`)
  })
  app.on('exit', (code, signal) => {
    const hadStarted = ports.delete(app)
    console.log(`app ${app.pid} has ended (${signal ?? code})`)
    if (hadStarted) startApp()
    else process.exitCode = 1
  })
}

let turn = 0
const front = createFront(() => [...ports.values()][turn++ % ports.size])

if (process.env['S3_BUCKET'] === undefined)
  throw new Error('Set S3_BUCKET to the name of an existing bucket.')
for (let count = 0; count < Number(PROCESSES); count++) startApp()
front.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (front.address())
  console.log(`http://127.0.0.1:${port}`)
})
