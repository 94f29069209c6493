/** Starts an app of a page. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { apiGateway, type LambdaHandler } from '../neighbours/api-gateway.js'
import type { Module } from './modules.js'

export interface RunningApp {
  /** `host:port`, in place of the page's `localhost:3000`. */
  readonly address: string
  close(): void
}

/** What a module of a page may export. */
interface Exports {
  readonly started?: Server
  /** Of AWS Lambda. */
  readonly handler?: LambdaHandler
}

/** Loads a module. If it is an app, waits until it listens; a function of a cloud gets a server in front of it. */
export async function load({ run, listens }: Module, host: string): Promise<RunningApp | undefined> {
  const { started, handler } = (await import(/* @vite-ignore */ run)) as Exports
  if (host === 'lambda') return running(createServer(apiGateway(handler!)).listen(0, '127.0.0.1'))
  if (host !== '') return running(getTestServer(host).listen(0, '127.0.0.1'))
  if (!listens) return undefined
  if (started === undefined) throw new Error('The module exports no server.')
  return running(started)
}

async function running(started: Server): Promise<RunningApp> {
  if (!started.listening) await once(started, 'listening')
  return {
    address: `127.0.0.1:${(started.address() as AddressInfo).port}`,
    close() {
      started.close()
      started.closeAllConnections()
    },
  }
}
