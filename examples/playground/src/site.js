/** Serves the page in front of the three apps, with CORS, since the page talks to three origins. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { sendEvents } from './events.js'
import { progressOf } from './progress.js'

const folder = new URL('../public/', import.meta.url)
const names = new Set(readdirSync(folder))

/**
 * The modules in the import map of the page: the same code that the servers run.
 *
 * @type {Record<string, URL>}
 */
const modules = {
  zod: new URL('.', import.meta.resolve('zod')),
  formgate: new URL('.', import.meta.resolve('@formgate/core/client')),
}

/** @type {Record<string, string>} */
const mediaTypes = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * @param {readonly { readonly name: string, readonly port: number }[]} servers
 * @returns {(req: import('node:http').IncomingMessage, res: import('node:http').ServerResponse) => boolean} True if
 * the request has been answered
 */
export function createSite(servers) {
  return (req, res) => {
    allowOwnOrigins(req, res)
    if (req.method === 'OPTIONS') {
      res.writeHead(204).end()
      return true
    }
    if (req.method !== 'GET') return false
    if (req.url === '/servers.json') return sendJson(servers, res)
    if (req.url === '/events') {
      sendEvents(req, res)
      return true
    }
    const upload = /^\/progress\/([\w-]+)$/.exec(req.url ?? '')?.[1]
    if (upload !== undefined) return sendJson(progressOf(upload), res)
    return sendFile(req.url === '/' ? 'index.html' : (req.url ?? '').slice(1), res)
  }

  /**
   * @param {import('node:http').IncomingMessage} req
   * @param {import('node:http').ServerResponse} res
   */
  function allowOwnOrigins({ headers: { host = '', origin } }, res) {
    const hostname = host.replace(/:\d+$/, '')
    if (origin === undefined || !servers.some(({ port }) => origin === `http://${hostname}:${port}`)) return
    res.setHeader('Access-Control-Allow-Origin', origin)
    res.setHeader('Access-Control-Allow-Methods', 'POST, PUT')
    res.setHeader('Access-Control-Allow-Headers', 'Content-Type, Content-Encoding, X-Upload-Id')
    res.setHeader('Access-Control-Max-Age', '600')
    res.setHeader('Vary', 'Origin')
  }
}

/**
 * @param {unknown} value
 * @param {import('node:http').ServerResponse} res
 */
function sendJson(value, res) {
  res.setHeader('Content-Type', 'application/json')
  res.end(JSON.stringify(value))
  return true
}

/**
 * @param {string} name
 * @param {import('node:http').ServerResponse} res
 */
function sendFile(name, res) {
  const url = names.has(name) ? new URL(name, folder) : moduleUrl(name)
  if (url === undefined) return false
  res.setHeader('Content-Type', mediaTypes[extname(name)] ?? 'application/octet-stream')
  // Read on each request, so that a reload shows changes.
  res.setHeader('Cache-Control', 'no-cache')
  res.end(readFileSync(url))
  return true
}

/** @param {string} name */
function moduleUrl(name) {
  const [, module = '', path = ''] =
    /^modules\/(\w+)\/((?:[\w-][\w.-]*\/)*[\w-][\w.-]*\.m?js)$/.exec(name) ?? []
  const base = Object.hasOwn(modules, module) ? modules[module] : undefined
  const url = base && new URL(path, base)
  return url !== undefined && existsSync(url) ? url : undefined
}
