/** Starts an app of a page. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Module } from './modules.js'

export interface RunningApp {
  /** `host:port`, in place of the page's `localhost:3000`. */
  readonly address: string
  close(): void
}

/** Loads a module; if it listens, waits until it does. */
export async function load({ run, listens }: Module): Promise<RunningApp | undefined> {
  const { started } = (await import(/* @vite-ignore */ run)) as { started?: Server }
  if (!listens) return undefined
  if (started === undefined) throw new Error('The module exports no server.')
  if (!started.listening) await once(started, 'listening')
  return {
    address: `127.0.0.1:${(started.address() as AddressInfo).port}`,
    close() {
      started.close()
      started.closeAllConnections()
    },
  }
}
