/** Compares the figures of a row with Formgate's targets. */
import { MiB } from './bodies.mjs'
import { frameworks, isFloor, peersOf } from './rows.mjs'

/**
 * The result for one target.
 *
 * @typedef {object} Verdict
 * @property {string} row
 * @property {string} framework
 * @property {string} what
 * @property {string} figure as measured
 * @property {'at most' | 'at least' | 'exactly'} bound
 * @property {string} limit
 * @property {string} [best] the best peer, which it is compared with
 * @property {number} [ratio] against the best peer, less is better
 * @property {boolean} holds
 */

/** Formgate's CPU above its bare framework, relative to that of the best peer above its own. */
const above = (limit) => (result, framework, peers) => {
  const cpu = (server) => result[server].cpu - bareOf(result, server).cpu
  return [
    ratio(
      'CPU above the bare framework, relative to the best peer',
      'at most',
      limit,
      framework,
      peers,
      cpu,
      'least',
    ),
  ]
}

/** Formgate's CPU, relative to that of the best peer. @param limits by framework, or one for all */
const whole = (limits) => (result, framework, peers) => [
  ratio(
    'CPU, relative to the best peer',
    'at most',
    limits[framework] ?? limits,
    framework,
    peers,
    (server) => result[server].cpu,
    'least',
  ),
]

const faster = (limit) => (result, framework, peers) => [
  ratio(
    'throughput, relative to the best peer',
    'at least',
    limit,
    framework,
    peers,
    (server) => result[server].rate,
    'most',
  ),
]

/** Formgate's throughput, relative to that of a server that writes the body to the disk unparsed. */
const fasterThanPipe = (limit) => (result, framework) =>
  result['node/pipe'] === undefined
    ? []
    : [
        ratio(
          'throughput, relative to writing the body unparsed',
          'at least',
          limit,
          framework,
          ['node/pipe'],
          (server) => result[server].rate,
          'most',
        ),
      ]

/** The targets by row. */
const musts = {
  form: [above(0.4)],
  avatar: [above(0.4)],
  files100: [above(0.4)],
  fields1000: [above(0.2)],
  typed: [above(0.5)],
  json1k: [whole({ express: 0.9, koa: 0.95, fastify: 1.05 })],
  json100k: [whole(1)],
  urlencoded: [whole({ express: 0.75, koa: 0.8, fastify: 1.05 })],
  photo5m: [faster(1.5), whole(0.6)],
  big256m: [faster(1.75), whole(0.55), fasterThanPipe(1.25), memoryGrowth],
  'big256m-in-app': [faster(1.5), whole(0.75)],
  file64m: [memoryOfMulter],
  crlfs: [hostile],
  almost: [hostile],
  parts: [flat],
  megabytes: [flat],
  uploads200: [uploads],
  import: [startUp],
}

/** @returns {Verdict[]} */
export function verdictsOf(row, result) {
  const own = frameworks.filter((framework) => result[`${framework}/formgate`])
  return (musts[row.name] ?? []).flatMap((must) =>
    own.flatMap((framework) => {
      const peers = peersOf(row, framework).filter((peer) => result[peer])
      return must(result, framework, peers).map((verdict) => ({ row: row.name, framework, ...verdict }))
    }),
  )
}

/** The server that drains the body on the framework of another, else on `node:http`. */
function bareOf(result, server) {
  return result[`${server.split('/')[0]}/bare`] ?? result['node/drain']
}

function ratio(what, bound, limit, framework, peers, figureOf, best) {
  const sorted = peers.toSorted((a, b) => figureOf(a) - figureOf(b))
  const peer = best === 'least' ? sorted[0] : sorted.at(-1)
  const value = figureOf(`${framework}/formgate`) / figureOf(peer)
  const holds = bound === 'at most' ? value <= limit : value >= limit
  return { what, figure: value.toFixed(2), bound, limit: String(limit), best: peer, ratio: value, holds }
}

function memoryGrowth(result, framework) {
  const growth = result[`${framework}/formgate`].rss
  return [
    {
      what: 'growth of memory',
      figure: mebibytes(growth),
      bound: 'at most',
      limit: '64 MiB',
      holds: growth <= 64 * MiB,
    },
  ]
}

/** multer on Express counts for all three. */
function memoryOfMulter(result, framework) {
  const value = result[`${framework}/formgate`].rss / result['express/multer'].rss
  const what = 'growth of memory, relative to multer'
  return [
    {
      what,
      figure: value.toFixed(2),
      bound: 'at most',
      limit: '0.6',
      best: 'express/multer',
      ratio: value,
      holds: value <= 0.6,
    },
  ]
}

function hostile(result, framework) {
  const { cpu, ordinary } = result[`${framework}/formgate`]
  const value = cpu / ordinary
  return [
    {
      what: 'CPU, relative to an ordinary body',
      figure: value.toFixed(2),
      bound: 'at most',
      limit: '3',
      holds: value <= 3,
    },
  ]
}

/**
 * The cost of one more part must not grow with their number. It is the difference between sizes, so that the fixed cost of a
 * request does not count: a bare framework that drains a stream needs more than Formgate for a small body.
 */
function flat(result, framework) {
  const sizes = Object.entries(result[`${framework}/formgate`]).map(([size, each]) => [
    Number(size),
    Number(size) * each,
  ])
  const costs = sizes.slice(1).map(([size, cpu], at) => (cpu - sizes[at][1]) / (size - sizes[at][0]))
  const value = Math.max(...costs) / costs[0]
  const what = 'CPU for one more, at the most expensive size relative to the smallest'
  return [{ what, figure: value.toFixed(2), bound: 'at most', limit: '1.25', holds: value <= 1.25 }]
}

function uploads(result, framework) {
  const { uploads, equal, rss, descriptors } = result[`${framework}/formgate`]
  return [
    {
      what: 'equal SHA-256',
      figure: String(equal),
      bound: 'exactly',
      limit: String(uploads),
      holds: equal === uploads,
    },
    {
      what: 'growth of memory',
      figure: mebibytes(rss),
      bound: 'at most',
      limit: '114 MiB',
      holds: rss <= 114 * MiB,
    },
    {
      what: 'descriptors left',
      figure: String(descriptors),
      bound: 'at most',
      limit: '0',
      holds: descriptors <= 0,
    },
  ]
}

function startUp(result, framework) {
  const { added } = result[`${framework}/formgate`]
  return [
    {
      what: 'import',
      figure: `${added.toFixed(0)} ms`,
      bound: 'at most',
      limit: '15 ms',
      holds: added <= 15,
    },
  ]
}

/**
 * The figures of a row on a newer Node.
 *
 * @returns {{ label: string, result: object } | undefined} the name of that Node, and figures by server
 */
export function newerFigures({ newer }, { name }) {
  const result = newer?.rows[name]
  return result && { label: `Node ${newer.node.replace(/^v(\d+).*/, '$1')}`, result }
}

/**
 * The figures of a row as a table, for terminals and Markdown.
 *
 * @param {ReturnType<typeof newerFigures>} [newer]
 */
export function tableOf(row, result, newer) {
  const columns = columnsOf[row.kind](row, result)
  if (newer !== undefined) {
    for (const [title, cell] of columnsOf[row.kind](row, newer.result))
      columns.push([`${newer.label}: ${title}`, (server) => (newer.result[server] ? cell(server) : '')])
  }
  const head = ['', ...columns.map(([title]) => title)]
  const lines = Object.keys(result).map((server) => [server, ...columns.map(([, cell]) => cell(server))])
  const all = [head, ...lines]
  const widths = head.map((_, at) => Math.max(...all.map((line) => line[at].length)))
  const text = (line) =>
    `| ${line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join(' | ')} |`
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [`### ${row.title} (\`${row.name}\`)`, '', text(head), rule, ...lines.map(text), ''].join('\n')
}

const columnsOf = {
  light: requestColumns,
  fresh: requestColumns,
  heavy: (row, result) => [
    ['CPU ms/MB', (server) => result[server].cpu.toFixed(2)],
    ['MB/s', (server) => result[server].rate.toFixed(0)],
    ['peak memory above idle', (server) => mebibytes(result[server].rss)],
  ],
  memory: (row, result) => [
    ['peak memory above idle', (server) => mebibytes(result[server].rss)],
    ['CPU ms', (server) => result[server].cpu.toFixed(0)],
  ],
  hostile: (row, result) => [
    ['CPU ms/MB', (server) => result[server].cpu.toFixed(2)],
    ['of an ordinary body', (server) => result[server].ordinary.toFixed(2)],
    ['ratio', (server) => (result[server].cpu / result[server].ordinary).toFixed(2)],
  ],
  growth: (row, result) => {
    const unit = row.sizes.fields ? 'fields' : 'MB'
    const digits = row.sizes.fields ? 1 : 0
    return Object.keys(Object.values(result)[0]).map((size) => [
      `${Number(size).toLocaleString('en')} ${unit}, µs each`,
      (server) => (result[server][size] * 1000).toFixed(digits),
    ])
  },
  uploads: (row, result) => [
    ['uploads', (server) => String(result[server].uploads)],
    ['equal SHA-256', (server) => String(result[server].equal)],
    ['MB/s', (server) => result[server].rate.toFixed(0)],
    ['peak memory above idle', (server) => mebibytes(result[server].rss)],
    ['descriptors left', (server) => String(result[server].descriptors)],
  ],
  import: (row, result) => [
    ['the framework, ms', (server) => result[server].framework.toFixed(0)],
    ['added, ms', (server) => result[server].added.toFixed(0)],
  ],
}

function requestColumns(row, result) {
  const above = (server) => {
    const bare = bareOf(result, server)
    return isFloor(server) || bare === undefined ? '' : (result[server].cpu - bare.cpu).toFixed(3)
  }
  return [
    ['CPU ms/request', (server) => result[server].cpu.toFixed(3)],
    ['above bare', above],
    ['requests/s', (server) => result[server].rate.toFixed(0)],
  ]
}

function mebibytes(bytes) {
  return `${(bytes / MiB).toFixed(0)} MiB`
}
