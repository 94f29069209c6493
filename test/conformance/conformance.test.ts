import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sections, type Case } from './cases.js'
import { answerTo } from './exchange.js'
import { startOurs } from './ours.js'
import { page, type Answers, type PeerAnswers } from './page.js'
import { Peer, peers, type PeerName } from './peers.js'

const cases = sections.flatMap((section) => section.cases)
const peersFile = new URL('peers.json', import.meta.url)

/** Where run.mjs has installed the peers. Without it, their recorded answers are used. */
const folder = process.env['CONFORMANCE_PEERS']

async function askAll(ask: (given: Case) => Promise<string>): Promise<Answers> {
  const answers: Record<string, string> = {}
  for (const each of cases) answers[each.name] = await ask(each)
  return answers
}

let running: Awaited<ReturnType<typeof startOurs>>

beforeAll(async () => {
  running = await startOurs()
})

afterAll(() => {
  running.server.closeAllConnections()
  running.server.close()
})

describe.skipIf(folder === undefined)('each peer', () => {
  test('gives the recorded answers, or records new ones', { timeout: 900_000 }, async () => {
    const versions: Partial<Record<PeerName, string>> = {}
    const answers: Partial<Record<PeerName, Answers>> = {}
    for (const name of peers) {
      versions[name] = (
        JSON.parse(readFileSync(`${folder}/node_modules/${name}/package.json`, 'utf8')) as { version: string }
      ).version
      const peer = new Peer(folder!, name)
      answers[name] = await askAll((given) => peer.answerTo(given))
      peer.end()
    }
    expect(Object.keys(answers)).toEqual(peers)
    if (process.env['CONFORMANCE_VERIFY'] !== undefined) {
      const recorded = JSON.parse(readFileSync(peersFile, 'utf8')) as PeerAnswers
      expect({ versions, answers }).toEqual({ versions: recorded.versions, answers: recorded.answers })
      return
    }
    writeFileSync(
      peersFile,
      `${JSON.stringify({ node: process.versions.node, versions, answers }, null, 2)}\n`,
    )
  })
})

test('docs/multipart-conformance.md shows the current answers of Formgate', async () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
  const ours = await askAll((given) => answerTo(running.port, given))
  const theirs = JSON.parse(readFileSync(peersFile, 'utf8')) as PeerAnswers
  await expect(page(ours, theirs)).toMatchFileSnapshot('../../docs/multipart-conformance.md')
})

test('no answer of Formgate depends on how the body is cut', async () => {
  const ours = await askAll((given) => answerTo(running.port, given))
  expect(Object.values(ours).filter((answer) => answer.includes('**'))).toEqual([])
})
