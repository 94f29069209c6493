/** Every client reads the refusal of an upload of 50 MB, once; `npm run early-answers` repeats it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApps, type RunningApp } from '../early-answers/apps.mjs'
import { clients, readsEarlyInChunks } from '../early-answers/clients/clients.mjs'
import { hasRead } from '../early-answers/report.mjs'
import { ways } from '../early-answers/ways.mjs'

let apps: Record<string, RunningApp> = {}
beforeAll(async () => {
  apps = await startApps('127.0.0.1')
})
afterAll(() => Object.values(apps).forEach((app) => app.close()))

for (const [name, client] of Object.entries(clients)) {
  const opened = await client.open()
  describe.skipIf(opened === undefined)(`the client ${name}`, () => {
    afterAll(() => opened?.close())

    const readsChunked = readsEarlyInChunks(name, opened?.version)
    const its = Object.entries(ways).filter(([, { isChunked }]) => !isChunked || readsChunked)

    test.each(its)('reads the answer of an upload: %s', async (path, way) => {
      const sent = Object.values(apps).flatMap(({ url }) => [`${url}/${path}`, `${url}/${path}`])
      const outcomes = await Promise.all(sent.map((url) => opened!.upload({ url, isChunked: way.isChunked })))
      expect(outcomes.filter((outcome) => !hasRead(outcome, way))).toEqual([])
    })
  })
}
