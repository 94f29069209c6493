/** Measures the cost of one request in this process. */
import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { allowedAnswer, allowedBlock, allowedCpu } from './allowed.js'
import { payloadOf } from './payload.js'
import type { Recipe } from './recipe.js'
import { routes } from './routes.js'

/** Chunks that arrive in one turn of the event loop, as from a socket that is read 64 KiB at a time. */
const chunksPerTurn = 1024

export interface Cost {
  /** Bytes sent. */
  readonly bytes: number
  /** Milliseconds of processor time, without that of pushing the chunks. */
  readonly cpu: number
  /** Milliseconds for which the event loop was blocked at once. */
  readonly block: number
  /** Bytes of the answer. */
  readonly answer: number
  /** An error that would be a 500, which no client should be able to cause. */
  readonly failure?: string
}

/** Above this multiple of the allowed cost no second measurement is needed. */
const certain = 5

/** Milliseconds for one request. */
const patience = 120_000

/** The largest share of an allowed cost that a request has taken: above 1 is too much. */
export function excess({ bytes, cpu, block, answer, failure }: Cost): number {
  if (failure !== undefined) return Infinity
  return Math.max(cpu / allowedCpu(bytes), block / allowedBlock(bytes), answer / allowedAnswer)
}

/**
 * Measures a request, several times if it is expensive: the least of each figure counts, because other load on the
 * machine only adds.
 */
export async function costOf(recipe: Recipe, times = 3): Promise<Cost> {
  const body = payloadOf(recipe)
  let least = await costOnce(recipe, body)
  for (let turn = 1; turn < times && excess(least) > 0.5 && excess(least) < certain; turn += 1) {
    const { cpu, block, answer } = await costOnce(recipe, body)
    least = {
      ...least,
      cpu: Math.min(cpu, least.cpu),
      block: Math.min(block, least.block),
      answer: Math.min(answer, least.answer),
    }
  }
  return least
}

async function costOnce(recipe: Recipe, body: Buffer): Promise<Cost> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let answered: Answered = { answer: 0, taken: 0 }
  delay.enable()
  const cpu = await cpuOf(async () => {
    answered = await request(recipe, body)
  })
  // The last delay is recorded in the next turn of the loop.
  await new Promise((resolve) => setTimeout(resolve, 2))
  delay.disable()
  const { answer, taken, failure } = answered
  const handingIn = recipe.chunk < 1000 ? await cpuOf(() => discard(recipe, body.subarray(0, taken))) : 0
  return {
    bytes: body.length,
    cpu: Math.max(0, cpu - handingIn),
    // Time taken by other processes does not count.
    block: Math.min(cpu, delay.max / 1e6),
    answer,
    ...(failure !== undefined && { failure }),
  }
}

async function cpuOf(run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

interface Answered extends Pick<Cost, 'answer' | 'failure'> {
  /** Bytes of the body that the client came to send. */
  readonly taken: number
}

/** Sends the request to its route. */
async function request(recipe: Recipe, body: Buffer): Promise<Answered> {
  const incoming = incomingOf(recipe, body)
  const response = new ServerResponse(incoming)
  const { line, received } = countingLine()
  response.assignSocket(line)
  const read = routes.get(recipe.route)!
  let failure: string | undefined
  const handled = read(incoming, response, (error?: unknown) => {
    if (error !== undefined) failure = error instanceof Error ? error.message : 'an error of another kind'
    response.end('{}')
  })
  const answered = once(response, 'finish')
  const taken = await handIn(incoming, body, recipe.chunk, answered)
  if (recipe.ending === 'withheld' || taken < body.length) incoming.destroy()
  else {
    incoming.complete = true
    incoming.push(null)
  }
  if (!(await isIn(handled))) failure = `no answer after ${patience} ms`
  if (!response.writableEnded) response.end()
  response.emit('close')
  return { answer: received(), taken, ...(failure !== undefined && { failure }) }
}

/** Whether a promise settles in time. */
async function isIn(promise: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, patience, false)))
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Pushes the same chunks into a request that only discards them. */
async function discard(recipe: Recipe, body: Buffer): Promise<void> {
  const incoming = incomingOf(recipe, body)
  incoming.resume()
  await handIn(incoming, body, recipe.chunk)
}

function incomingOf({ contentType, encoding, ending }: Recipe, body: Buffer): IncomingMessage {
  const incoming = new IncomingMessage(new Socket())
  incoming.headers = {
    'content-type': contentType,
    'content-length': String(body.length + (ending === 'withheld' ? 1 : 0)),
    ...(encoding !== '' && { 'content-encoding': encoding }),
  }
  return incoming
}

/**
 * Pushes a body into a request as Node does from a socket: no further while the request is held back.
 *
 * @param answered settles when the client has its answer: if it is held back then, it sends no more
 * @returns how many bytes were pushed
 */
async function handIn(
  incoming: IncomingMessage,
  body: Buffer,
  size: number,
  answered?: Promise<unknown>,
): Promise<number> {
  let wake = (): void => undefined
  let isAnswered = false
  void answered?.then(() => {
    isAnswered = true
    wake()
  })
  incoming._read = () => wake()
  let chunks = 0
  for (let at = 0; at < body.length; at += size) {
    if (incoming.destroyed) return at
    if (!incoming.push(body.subarray(at, at + size))) {
      if (isAnswered) return at + size
      await new Promise<void>((resolve) => (wake = resolve))
    }
    chunks += 1
    if (size >= 1000 || chunks % chunksPerTurn === 0) await setImmediate()
  }
  await setImmediate()
  return body.length
}

/** A connection that counts what is written to it. */
function countingLine(): { line: Socket; received: () => number } {
  let size = 0
  const line = new Writable({
    write(chunk: Buffer, _encoding, done) {
      size += chunk.length
      done()
    },
  })
  return { line: line as Socket, received: () => size }
}
