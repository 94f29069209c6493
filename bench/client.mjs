/** Sends bodies, streams large ones, and reports the time and the answers. */
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { body } from './bodies.mjs'

process.on('message', async (task) => {
  try {
    process.send(await run(task))
  } catch (error) {
    process.send({ error: error.stack })
  }
})

async function run({ port, body: name, requests, connections }) {
  const isSame = !name.includes('*')
  const only = isSame ? body(name) : undefined
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answers = []
  let next = 0
  let bytes = 0
  const work = async () => {
    while (next < requests) {
      const number = next++
      const sent = only ?? body(name.replace('*', String(number)))
      bytes += sent.size
      answers[number] = await send(port, agent, sent)
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: connections }, work))
  const seconds = (performance.now() - start) / 1000
  agent.destroy()
  return { seconds, bytes, answers: isSame ? [answers.at(-1)] : answers }
}

async function send(port, agent, { type, size, pieces }) {
  const headers = { 'Content-Type': type, 'Content-Length': size }
  const outgoing = request({ host: '127.0.0.1', port, method: 'POST', agent, headers })
  const answered = once(outgoing, 'response')
  answered.catch(() => undefined)
  for (const piece of pieces) {
    if (!outgoing.write(piece)) await Promise.race([once(outgoing, 'drain'), answered])
  }
  outgoing.end()
  const [response] = await answered
  const answer = await text(response)
  if (response.statusCode === 200) return JSON.parse(answer)
  throw new Error(`${response.statusCode} ${answer}`)
}
