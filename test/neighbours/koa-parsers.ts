/** Parsers of Koa whose types add properties to every request of Node, which those of Formgate exclude. */
import { createRequire } from 'node:module'
import type { Middleware } from 'koa'

const require = createRequire(import.meta.url)

export const { koaBody } = require('koa-body') as { koaBody: () => Middleware }
export const { bodyParser } = require('@koa/bodyparser') as { bodyParser: () => Middleware }
