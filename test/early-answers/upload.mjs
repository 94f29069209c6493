/**
 * Runs the uploads of one client: `node upload.mjs CLIENT`. Each input line is a job as JSON, and each output line reports
 * a finished job.
 */
import { createInterface } from 'node:readline'
import { clients } from './clients/clients.mjs'

const client = clients[process.argv[2] ?? '']
if (client === undefined) throw new Error(`The clients are: ${Object.keys(clients).join(', ')}.`)
const send = await client.open()
if (send === undefined) process.exit()
console.log(send.version)
for await (const line of createInterface({ input: process.stdin })) {
  /** @type {import('./clients/clients.mjs').Job & { times: number, parallel: number }} */
  const { times, parallel, ...job } = JSON.parse(line)
  /** @type {import('./clients/clients.mjs').Outcome[]} */
  const outcomes = []
  let left = times
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (left-- > 0) {
        const started = performance.now()
        const outcome = await send
          .upload(job)
          .catch((/** @type {unknown} */ error) => ({ error: reason(error) }))
        outcomes.push({ ...outcome, time: performance.now() - started })
      }
    }),
  )
  console.log(JSON.stringify(outcomes))
}
await send.close()

/**
 * fetch() has the reason in the cause.
 *
 * @param {unknown} error
 * @returns {string}
 */
function reason(error) {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${reason(error.cause)}`
}
