/** The rows of the benchmark: a body, what is done with it, and the servers. */
import { MiB } from './bodies.mjs'

export const frameworks = ['express', 'koa', 'fastify']

const multipart = {
  express: ['multer', 'formidable', 'express-fileupload'],
  koa: ['koa-multer', 'koa-body'],
  fastify: ['fastify-multipart'],
}

/** The most popular of them, for quick runs. */
const usual = { express: ['multer'], koa: ['koa-multer'], fastify: ['fastify-multipart'] }

/** The usual parsers of each framework for JSON and URL-encoded forms. */
const parsers = { express: ['body-parser'], koa: ['bodyparser'], fastify: ['own-parser'] }

const outsiders = ['node/drain', 'node/remix', 'node/hono']

/** Libraries that validate a form too, each after the server that drains the body on its framework; oRPC needs none. */
const validating = [
  'node/drain',
  'orpc/openapi',
  'hono/bare',
  'hono/zod-validator',
  'nest/bare',
  'nest/class-validator',
]

/**
 * - `light`: small bodies, as many as the server can answer; CPU per request
 * - `fresh`: the same in a new process each time, from its first request on
 * - `heavy`: large bodies; CPU per MB, throughput, growth of the memory
 * - `memory`: one body in a new process; growth of the memory
 * - `hostile`: like heavy, each beside an ordinary body of the same size
 * - `growth`: Formgate alone, with growing bodies
 *
 * Rows that are long are left out of a quick run. `body` is the name where there is none; `heap` are MB of other things in
 * the heap of a server. `dataOnly` where the peers know no files, so that no handler asks for any. `isTyped` where the
 * route has a schema. `isOnNewer` for rows that are measured on a newer Node too.
 *
 * @typedef {{ name: string, title: string, kind: string, isLong?: boolean, peers?: object, outsiders?: readonly string[],
 *   body?: string, storage?: 'disk' | 'memory', limits?: object, warmUp?: string, requests?: number, connections?: number,
 *   heap?: number, dataOnly?: boolean, isTyped?: boolean, isOnNewer?: boolean }} Row
 */

/** For rows of bodies without files. */
const texts = { kind: 'light', peers: parsers, dataOnly: true }

/** For rows of the largest body. */
const videos = {
  body: 'big256m',
  kind: 'heavy',
  storage: 'disk',
  limits: { fileSize: 1024 * MiB, bodySize: 1024 * MiB },
  // One takes a third of a second, so a single garbage collection would decide.
  requests: 4,
  connections: 1,
}

/** @type {readonly Row[]} */
export const rows = [
  {
    name: 'form',
    title: 'Form of 5 fields, 573 bytes',
    kind: 'light',
    peers: multipart,
    outsiders,
    isOnNewer: true,
  },
  {
    name: 'form-after-files',
    isLong: true,
    title: 'The same, in a process that has seen files before',
    kind: 'light',
    body: 'form',
    warmUp: 'avatar',
    peers: usual,
  },
  {
    name: 'avatar',
    title: '2 fields and a file of 20 KB, in memory',
    kind: 'light',
    peers: multipart,
    outsiders,
  },
  {
    name: 'files100',
    title: '100 files of 1 KB, in memory',
    kind: 'light',
    peers: multipart,
    outsiders,
  },
  {
    name: 'fields1000',
    title: 'Form of 1000 fields, in a fresh process from the first request on',
    kind: 'fresh',
    requests: 200,
    connections: 4,
    peers: multipart,
    outsiders,
  },
  {
    name: 'typed',
    title: 'Form of 10 fields, converted and validated',
    kind: 'light',
    outsiders: validating,
    isTyped: true,
    // A second warm-up: V8 has more code of schemas to compile, for the first six thousand requests.
    warmUp: 'typed',
  },
  { ...texts, name: 'json1k', title: 'JSON of 1 KB', isOnNewer: true },
  { ...texts, name: 'json100k', title: 'JSON of 100 KB', isLong: true },
  { ...texts, name: 'urlencoded', title: 'URL-encoded form of 10 fields' },
  {
    name: 'photo5m',
    title: 'Photo of 5 MB, to disk',
    kind: 'heavy',
    storage: 'disk',
    requests: 120,
    connections: 4,
    peers: multipart,
    outsiders: [...outsiders, 'node/pipe'],
    isOnNewer: true,
  },
  {
    name: 'big256m',
    title: 'Video of 256 MiB, to disk',
    ...videos,
    peers: multipart,
    outsiders: [...outsiders, 'node/pipe'],
    isOnNewer: true,
  },
  {
    name: 'big256m-in-app',
    title: 'The same, in processes with 32 MB of other data in their heaps',
    ...videos,
    heap: 32,
    peers: usual,
  },
  {
    name: 'file64m',
    title: 'File of 64 MiB, kept in memory',
    kind: 'memory',
    storage: 'memory',
    limits: { fileSize: 64 * MiB },
    peers: multipart,
    outsiders: ['node/remix', 'node/hono'],
  },
  {
    name: 'crlfs',
    title: 'Hostile: 5 MB of CRLF, to disk',
    kind: 'hostile',
    storage: 'disk',
    requests: 20,
    connections: 2,
    peers: usual,
  },
  {
    name: 'almost',
    isLong: true,
    title: 'Hostile: 5 MB of boundaries that lack their last character, to disk',
    kind: 'hostile',
    storage: 'disk',
    requests: 20,
    connections: 2,
    peers: usual,
  },
  {
    name: 'parts',
    isLong: true,
    title: 'CPU per part, from 10 to 10,000 fields',
    kind: 'growth',
    sizes: { fields: [10, 100, 1000, 10_000] },
    total: 100_000,
    limits: { fields: 10_000, parts: 10_000 },
  },
  {
    name: 'megabytes',
    isLong: true,
    title: 'CPU per MB, from 1 MB to 1 GB, to disk',
    kind: 'growth',
    storage: 'disk',
    sizes: { file: [1, 10, 100, 1000] },
    total: 1000,
    limits: { fileSize: 1024 * MiB, bodySize: 1024 * MiB },
  },
  {
    name: 'uploads200',
    isLong: true,
    title: '200 uploads of 10 MB at once, to disk',
    kind: 'uploads',
    storage: 'disk',
  },
  {
    name: 'import',
    title: 'Start-up: what an adapter adds to importing its framework',
    kind: 'import',
    peers: usual,
  },
]

/** The servers of a row. */
export function serversOf({ peers, outsiders = [] }, isQuick) {
  const own = frameworks.flatMap((framework) => {
    const others = peers?.[framework] ?? []
    const some = isQuick && peers === multipart ? usual[framework] : others
    return ['bare', 'formgate', ...some].map((library) => `${framework}/${library}`)
  })
  return isQuick && peers !== undefined ? own : [...own, ...outsiders]
}

/** The row for a newer Node: with the most popular peers, and without outsiders. */
export function onNewer(row) {
  return { ...row, peers: row.peers === multipart ? usual : row.peers, outsiders: [] }
}

/** The libraries that Formgate is compared with on a framework: those on the same one, if there are any. */
export function peersOf({ peers, outsiders = [] }, framework) {
  if (peers === undefined) return outsiders.filter((server) => !isFloor(server))
  return (peers[framework] ?? []).map((library) => `${framework}/${library}`)
}

/** Servers that read the bytes without parsing them. */
export function isFloor(server) {
  return server.endsWith('/bare') || server === 'node/drain' || server === 'node/pipe'
}

/** Servers that parse bodies without one of the three frameworks. */
export function isOutsider(server) {
  return server.startsWith('node/') && !isFloor(server)
}
