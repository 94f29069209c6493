import { beforeAll, describe, expect, test } from 'vitest'
import type { Row } from './row.js'
import { runChaos } from './run-chaos.js'
import { frameworks } from './server-process.js'

/** The short form of `npm run chaos`: the minimum of each kind, on three servers at the same time. */
let rows: Row[]
beforeAll(async () => {
  rows = await runChaos({ scale: 0, seed: 1, frameworks, without: ['attacks'], together: true })
}, 600_000)

const nothing = { files: 0, listeners: 0, unsettled: 0, unhandled: 0, objects: 0 }

describe.each(frameworks)('%s', (framework) => {
  test.each([
    ['uploads at once', 20],
    ['slow sinks', 8],
    ['aborts', 36],
    ['storage faults', 45],
    ['fuzzed bodies', 100],
    ['timeouts above', 60],
    ['Lambda requests', 60],
    ['silent clients', 50],
    ['endless clients', 20],
    ['slow clients', 50],
  ])('%s (%i) leave nothing in the process and break no promise', (kind, count) => {
    const row = rows.find((row) => row.kind === kind && row.framework === framework)!
    expect(row.broken).toEqual([])
    expect(row.tried).toBe(count)
    expect(row.left).toMatchObject(nothing)
  })

  test('after a SIGKILL every file without .part is whole, and the next process removes the others', () => {
    const row = rows.find(({ kind, framework: on }) => kind === 'SIGKILLs' && on === framework)!
    expect(row.broken).toEqual([])
    expect(row.tried).toBe(2)
  })

  test.runIf(process.platform === 'linux')('no kind of chaos leaves a descriptor open', () => {
    const own = rows.filter((row) => row.framework === framework && row.left !== undefined)
    expect(own).toHaveLength(10)
    expect(own.map(({ left }) => left!.descriptors)).toEqual(own.map(() => 0))
  })
})
