/** The apps that refuse uploads: one on each framework, with a route for each way. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import * as onExpress from '@formgate/express'
import * as onFastify from '@formgate/fastify'
import * as onKoa from '@formgate/koa'
import { Router } from '@koa/router'
import express from 'express'
import Fastify from 'fastify'
import Koa from 'koa'
import { ways } from './ways.mjs'

/**
 * @typedef {object} RunningApp
 * @property {string} url
 * @property {() => void} close
 */

const { MultiPartParser } = onExpress
const page = '<!doctype html><title>Upload</title>'

/** @type {Record<string, () => Promise<import('node:http').Server>>} */
const makers = {
  async Express() {
    const app = express()
    // Express would print every error that it answers.
    app.set('env', 'test')
    app.get('/', (_req, res) => void res.type('html').send(page))
    for (const [name, { options }] of Object.entries(ways)) {
      app.post(
        `/${name}`,
        onExpress.parsers([MultiPartParser], options),
        (_req, res) => void res.send('taken'),
      )
    }
    return createServer(app)
  },
  async Koa() {
    const app = new Koa()
    app.silent = true
    const router = new Router()
    router.get('/', (ctx) => {
      ctx.type = 'html'
      ctx.body = page
    })
    for (const [name, { options }] of Object.entries(ways)) {
      router.post(`/${name}`, onKoa.parsers([MultiPartParser], options), (ctx) => void (ctx.body = 'taken'))
    }
    app.use(router.routes())
    const handle = app.callback()
    return createServer((req, res) => void handle(req, res))
  },
  async Fastify() {
    const app = Fastify()
    app.get('/', (_request, reply) => reply.type('text/html').send(page))
    for (const [name, { options }] of Object.entries(ways)) {
      app.post(`/${name}`, onFastify.parsers([MultiPartParser], options), async () => 'taken')
    }
    await app.ready()
    return app.server
  },
}

/**
 * Starts them.
 *
 * @param {string} host where they listen
 * @returns {Promise<Record<string, RunningApp>>} by the name of their framework
 */
export async function startApps(host) {
  /** @type {Record<string, RunningApp>} */
  const apps = {}
  for (const [name, make] of Object.entries(makers)) {
    const server = (await make()).listen(0, host)
    await once(server, 'listening')
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
    const close = () => {
      server.close()
      server.closeAllConnections()
    }
    apps[name] = { url: `http://${host}:${port}`, close }
  }
  return apps
}
