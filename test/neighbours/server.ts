/**
 * What the tests of this folder run on: servers and directories that are closed and removed after each test, and a check that
 * no test leaves an unhandled rejection or an uncaught exception in the process.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, Server, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, expect } from 'vitest'

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

const faults: unknown[] = []
const onFault = (fault: unknown): number => faults.push(fault)
process.on('unhandledRejection', onFault).on('uncaughtException', onFault)
afterAll(() => {
  process.off('unhandledRejection', onFault).off('uncaughtException', onFault)
})

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
  // Node reports a rejection as unhandled once the microtasks have run.
  await setImmediate()
  expect(faults.splice(0), 'unhandled rejections and uncaught exceptions').toEqual([])
})

/** Calls back after the test, the latest first. */
export function whenDone(end: () => unknown): void {
  ends.push(end)
}

/** Listens on a free port until the test is over. @returns the port */
export async function listen(server: Server | Listener): Promise<number> {
  const listening = server instanceof Server ? server : createServer((req, res) => void server(req, res))
  whenDone(() => {
    listening.close()
    listening.closeAllConnections()
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return portOf(listening)
}

export function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port
}

/** A directory that is removed after the test. */
export async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'neighbours-'))
  whenDone(() => rm(directory, { recursive: true, force: true }))
  return directory
}
