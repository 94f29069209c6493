/**
 * What Formgate's core takes from Node, for browsers: streams and buffers from packages, the rest reduced to what a small
 * body in memory needs. What would touch a disk or a connection throws.
 */
import { Buffer } from 'buffer/'
import EventEmitter from 'events/'
import * as streams from 'readable-stream'

const { Readable, Writable, Transform, PassThrough, Duplex } = streams

globalThis.Buffer = Buffer
Buffer.prototype.latin1Slice = function latin1Slice(from, to) {
  return this.toString('latin1', from, to)
}
Buffer.prototype.utf8Slice = function utf8Slice(from, to) {
  return this.toString('utf8', from, to)
}
globalThis.process = {
  ...globalThis.process,
  env: {},
  platform: 'browser',
  nextTick: (work, ...args) => queueMicrotask(() => work(...args)),
  emitWarning: (message) => console.warn(message),
}
globalThis.setImmediate = (work, ...args) => setTimeout(work, 0, ...args)

const browserSetTimeout = globalThis.setTimeout
const browserSetInterval = globalThis.setInterval
/** Timers of Node are objects, and have to be so for `unref()`. */
class Timer {
  constructor(start, end) {
    this.start = start
    this.end = end
    this.id = start()
  }
  unref() {
    return this
  }
  refresh() {
    this.end(this.id)
    this.id = this.start()
    return this
  }
  [Symbol.toPrimitive]() {
    return this.id
  }
}
const timers = {
  setTimeout: (work, delay, ...args) =>
    new Timer(() => browserSetTimeout(work, delay, ...args), clearTimeout),
  setInterval: (work, delay, ...args) =>
    new Timer(() => browserSetInterval(work, delay, ...args), clearInterval),
}
export const nodeSetTimeout = timers.setTimeout
export const nodeSetInterval = timers.setInterval

export { Buffer, EventEmitter, Readable, Writable, Transform, PassThrough, Duplex }
export const setMaxListeners = () => {}

export function isUtf8(bytes) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

export class AsyncResource {
  runInAsyncScope(work, self, ...args) {
    return work.apply(self, args)
  }
  emitDestroy() {
    return this
  }
  static bind = (work) => work
}

/** Nothing in a browser subscribes to events. */
export const channel = (name) => ({
  name,
  hasSubscribers: false,
  publish() {},
  subscribe() {},
  unsubscribe() {},
})
export const tracingChannel = (name) => {
  const parts = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((part) => [
    part,
    channel(`${name}:${part}`),
  ])
  return { ...Object.fromEntries(parts), hasSubscribers: false }
}

export const randomBytes = (size) => Buffer.from(crypto.getRandomValues(new Uint8Array(size)))
export const randomInt = (end) => crypto.getRandomValues(new Uint32Array(1))[0] % end

export class IncomingMessage extends Readable {
  complete = false
  headers = {}
  _read() {}
}
export class ClientRequest {}
export class Socket extends EventEmitter {}
export const STATUS_CODES = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  500: 'Internal Server Error',
}

export const tmpdir = () => '/tmp'
export const sep = '/'
export const join = (...parts) => parts.join('/')
export const resolve = join
export const basename = (path) => path.slice(path.lastIndexOf('/') + 1)
export const dirname = (path) => path.slice(0, Math.max(path.lastIndexOf('/'), 0))

export const inspect = Object.assign((value) => String(value), {
  custom: Symbol.for('nodejs.util.inspect.custom'),
})
export const isDeepStrictEqual = (one, other) => JSON.stringify(one) === JSON.stringify(other)
export const MessageChannel = globalThis.MessageChannel
export const constants = {}

const missing = (name) => () => {
  throw new Error(`${name} does not exist in a browser.`)
}
export const createHash = missing('createHash')
export const createReadStream = missing('createReadStream')
export const openAsBlob = missing('openAsBlob')
export const chmod = missing('chmod')
export const copyFile = missing('copyFile')
export const link = missing('link')
export const lstat = missing('lstat')
export const mkdir = missing('mkdir')
export const open = missing('open')
export const readdir = missing('readdir')
export const realpath = missing('realpath')
export const rename = missing('rename')
export const unlink = missing('unlink')
export const brotliDecompressSync = missing('brotliDecompressSync')
export const brotliDecompress = missing('brotliDecompress')
export const gunzip = missing('gunzip')
export const inflate = missing('inflate')
/** Only of those three. */
export const promisify =
  (work) =>
  async (...args) =>
    work(...args)

export function finished(stream) {
  return new Promise((done, fail) => streams.finished(stream, (error) => (error ? fail(error) : done())))
}
/** Of `node:timers/promises`. */
export const setImmediate = (value) => new Promise((done) => browserSetTimeout(done, 0, value))

export default { Readable, Writable, Transform, PassThrough, Duplex, EventEmitter }
