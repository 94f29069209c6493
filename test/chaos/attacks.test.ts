import { beforeAll, describe, expect, test } from 'vitest'
import { attackNames } from './kinds/attacks.js'
import type { Row } from './row.js'
import { runChaos } from './run-chaos.js'
import { frameworks } from './server-process.js'

/** The short form of the attacks of `npm run chaos`: few clients, on three servers at the same time. */
let rows: Row[]
beforeAll(async () => {
  rows = await runChaos({ scale: 0, seed: 1, frameworks, together: true, only: ['attacks'] })
}, 1_800_000)

describe.each(frameworks)('%s', (framework) => {
  test.each(attackNames)(
    '%s: a process of 512 MB survives, answers others, holds bounded memory and releases it',
    (kind) => {
      const row = rows.find((row) => row.kind === kind && row.framework === framework)!
      expect(row.broken).toEqual([])
    },
  )
})
