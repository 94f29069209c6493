/** Whether the requests of an Express app share a hidden class in V8. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import { multipart } from '@formgate/express'
import express, { type Express, type Request, type Response } from 'express'
import { expect, test } from 'vitest'

setFlagsFromString('--allow-natives-syntax')
const haveSameMap = runInThisContext('(one, other) => %HaveSameMap(one, other)') as (
  one: object,
  other: object,
) => boolean

interface Seen {
  request: Request
  response: Response
  /** What the handler sees. */
  names: readonly PropertyKey[]
}

/** What handlers see of twenty forms in a row. */
async function seenBy(app: Express): Promise<readonly Seen[]> {
  const seen: Seen[] = []
  app.post('/', (request, response) => {
    seen.push({ request, response, names: [request, response].flatMap((each) => Reflect.ownKeys(each)) })
    response.json(null)
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  for (let sent = 0; sent < 20; sent += 1) {
    const body = new FormData()
    body.set('sent', String(sent))
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })
    expect([answer.status, await answer.json()]).toEqual([200, null])
  }
  server.close()
  return seen
}

function areAlike(seen: readonly object[]): boolean {
  return seen.every((each) => haveSameMap(each, seen.at(-1)!))
}

/** How many of the last ten requests, and responses, of each app share a class. */
async function alikeOf(apps: readonly Express[]): Promise<{ requests: boolean; responses: boolean }[]> {
  const alike = []
  for (const app of apps) {
    const seen = (await seenBy(app)).slice(10)
    const requests = areAlike(seen.map(({ request }) => request))
    alike.push({ requests, responses: areAlike(seen.map(({ response }) => response)) })
  }
  return alike
}

// In one app of fifty, or more if other objects become dictionaries meanwhile, two classes collide in a table of V8.
test('requests share a hidden class in nearly every app, and so do responses', async () => {
  const apps = Array.from({ length: 9 }, () => express().use(multipart()))
  const alike = (await alikeOf(apps)).filter(({ requests, responses }) => requests && responses)
  expect(alike.length).toBeGreaterThanOrEqual(3)
})

// V8 13 (Node 24) does so by itself.
test.runIf(Number.parseInt(process.versions.v8, 10) < 13)('those of Express alone share none', async () => {
  const none = { requests: false, responses: false }
  expect(await alikeOf([express(), express(), express()])).toEqual([none, none, none])
})

test('requests and responses keep their properties', async () => {
  const [plain] = await seenBy(express())
  const [read] = await seenBy(express().use(multipart()))
  const added = read!.names.filter((name) => !plain!.names.includes(name))
  expect(added.map(String)).toEqual(['pipe', 'body', '_body', 'Symbol(formgate body)'])
  expect(plain!.names.filter((name) => !read!.names.includes(name))).toEqual([])
})
