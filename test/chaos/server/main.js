// A server in its own process: node --expose-gc main.js <framework> <app> <directory>
// It answers questions of its parent over IPC, so that questions do not count as requests.
import { apps } from './apps.js'
import { Census } from './census.js'
import { sendEvents } from './lambda.js'
import { Phases } from './phases.js'

const [framework = '', name = '', directory = ''] = process.argv.slice(2)

/** @type {{ routes: (gate: import('./apps.js').Gate, place: import('./apps.js').Place) => import('./apps.js').Route[] }} */
const { routes } = await import(`./${name}-routes.js`)
const phases = new Phases()
const census = new Census(directory)
const server = await apps[/** @type {keyof typeof apps} */ (framework)](census, (gate) =>
  routes(gate, { directory, phases, census }),
)
server.prependListener('request', phases.watch)

/** @type {Record<string, (value: number) => unknown>} */
const answers = {
  census: () => census.take(server, phases),
  inMemory: () => census.inMemory(),
  watchMemory: () => census.watchMemory(),
  peak: () => census.peak(),
  usage: () => census.usage(),
  hold: (value) => census.hold(value === 1),
  events: (count) => sendEvents(server, count),
  taken: () => census.taken,
  hurry: (value) => (census.isInHurry = value === 1),
  requestTimeout(milliseconds) {
    const before = server.requestTimeout
    server.requestTimeout = milliseconds
    // Node uses the smaller one for the headers and the larger one for the whole request.
    server.headersTimeout = Math.min(milliseconds, 60_000)
    return before
  },
}

process.on('message', (/** @type {{ question: string, value: number }} */ { question, value }) => {
  void Promise.resolve(answers[question]?.(value)).then((answer) => process.send?.({ question, answer }))
})
// The parent has ended.
process.on('disconnect', () => process.exit())

server.listen(0, '127.0.0.1', 2048, () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.send?.({ question: 'start', answer: port })
})
