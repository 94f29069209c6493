/**
 * Hostile requests as plain data: what is repeated how often, and how it is compressed, cut and ended. Plain data can be
 * changed a little, so that a search can climb from a bad body to a worse one.
 */
import type { Random } from '../random.js'
import { routeNames, type RouteName } from './routes.js'

/** A repeated text, in which `§` becomes a number that differs each time. One character is one byte. */
export interface Run {
  unit: string
  times: number
}

/** Parts of one kind. */
export interface RepeatedPart {
  header: Run[]
  content: Run[]
  times: number
}

const encodings = ['', 'gzip', 'deflate', 'br'] as const
const endings = ['whole', 'withheld', 'cut', 'trailing bytes', 'two members'] as const

/** One request. */
export interface Recipe {
  route: RouteName
  contentType: string
  /** The whole body, or what precedes the first part. */
  text: Run[]
  /** Empty for a body that is not multipart. The boundary is always `X`. */
  parts: RepeatedPart[]
  encoding: (typeof encodings)[number]
  ending: (typeof endings)[number]
  /** Bytes that the parser gets at a time. */
  chunk: number
}

const multipart = 'multipart/form-data; boundary=X'
const urlEncoded = 'application/x-www-form-urlencoded'
const json = 'application/json'

/** Bytes that are special to some parser. */
const bytes = Array.from('-\r\n \t;"%[{\\=&+,.:\0\xffa')

/** Texts of each kind that are cheap to repeat. */
const units = {
  framing: [
    '\r\n--Xa',
    '\n--X',
    '\r\n--X\ta',
    '\r\n--X-a',
    '\r\n--X ',
    '--X',
    '\r\n-',
    '\r\n\r\n',
    '\r\r\n',
    '\r\n--X--',
  ],
  json: [
    '0,',
    '1,',
    '{},',
    '[],',
    '[',
    '{"a":',
    '"",',
    '"§":0,',
    '"__proto__":1,',
    '1e999,',
    'true,',
    'null,',
    '[{},',
    '"\\u0041",',
    '\\n',
    'a\\n',
    '\\u0041',
    '\x7f',
    'a\x7f',
    '\n',
    '{"":[',
    '-',
    '9',
    '0.',
    '"a":{},',
    '["a",1],',
  ],
  form: [
    '%ff',
    '%',
    '%41',
    '&',
    '+',
    'a=1&',
    '§=1&',
    '%ff§=%ff&',
    'a[b][c]=1&',
    'a.b.c=1&',
    'a[§]=1&',
    'a[]=1&',
    '§&',
    '\xe2\x82\xac',
    '\xff',
    '%e2%82%ac',
    'a[',
    'a.',
    '[§]',
    'q=z&',
    '%u0041',
  ],
  header: [
    ';p§=',
    ';p§=\xe9',
    ';a=""',
    ';',
    ';a',
    '\\"',
    '\\";',
    '; x="y"',
    ' ',
    '\t',
    '; filename="a"',
    ";x*=utf-8''a",
    '\r\n§:',
    '\r\nX: y',
    '\r\nX:',
    '\r\n x',
    '%22',
    '\xe9',
    '"',
  ],
}

/** Valid and invalid ends of a JSON text. */
const jsonEnds = ['0]', ']', '{}]', '"z":0}', '}', '', '"', ',', '\x7f']
const jsonStarts = ['[', '{', '"', '[[', '{"q":', '{"v":[', '{"items":[', ' ', '']

const charsets = [
  '',
  '; charset=utf-8',
  '; charset=shift_jis',
  '; charset=gb18030',
  '; charset=utf-16le',
  '; charset=latin1',
]

/** Names of the typed routes, deep names, and long names. */
const names = [
  'a',
  'f',
  'v',
  'q',
  'm',
  'o',
  'v[§]',
  'items[§].t',
  'items[§].sub.y[0]',
  'items[§].x',
  'q.args[§].v',
  'q[0][0][§]',
  'q.args[0].args[0].v',
  'kids[§].kids[0].name',
  'kids[].kids[].name',
  'm[k§][a]',
  'k§.x.y',
  'f§',
  'a.a.a.a',
  'a[0].a[§]',
  'q.x.x.x.x.x.x.k§',
  'a[b][c][d][e][f][g]',
  '__proto__',
  `f§${'.'.repeat(180)}`,
  `f§${'['.repeat(90)}`,
  'constructor',
]

/** Values that the typed routes accept or refuse. */
const values = [
  'z',
  '1',
  '9',
  '1e999',
  '2026-01-01T00:00:00.1',
  'a.',
  'a@a.',
  'http://a.',
  't49',
  '0.',
  '-',
  'a ',
  '\xe2\x82\xac',
  '',
]

const sizes = [1000, 1000, 20_000, 100_000, 299_000, 1_000_000, 1_040_000]

export function buildRecipe(random: Random): Recipe {
  const size = random.pick(sizes)
  const common = {
    route: random.pick(routeNames),
    encoding: random.chance(0.25) ? random.pick(encodings) : ('' as const),
    ending: random.chance(0.2) ? random.pick(endings) : ('whole' as const),
    chunk: random.chance(0.15) ? random.pick([1, 2, 7, 100]) : 64 * 1024,
  }
  const kind = random.next()
  if (kind < 0.25)
    return { ...common, contentType: json + random.pick(charsets), text: jsonRuns(random, size), parts: [] }
  if (kind < 0.45)
    return {
      ...common,
      contentType: urlEncoded + random.pick(charsets),
      text: formRuns(random, size),
      parts: [],
    }
  return {
    ...common,
    contentType: random.chance(0.95) ? multipart : 'multipart/form-data',
    text: random.chance(0.1) ? [run(random.pick(units.framing), size / 4)] : [],
    parts: Array.from({ length: random.chance(0.8) ? 1 : 2 }, () => buildPart(random, size)),
    // Rarely, because a compressed form is refused at once.
    encoding: random.chance(0.02) ? random.pick(encodings) : '',
  }
}

function buildPart(random: Random, size: number): RepeatedPart {
  const times = random.pick([1, 1, 9, 100, 1000])
  const share = Math.floor(size / times)
  const name = random.pick(names)
  const filename = random.chance(0.25) ? '; filename="a.txt"' : ''
  const header = [run(`Content-Disposition: form-data; name="${name}"${filename}`)]
  if (random.chance(0.3)) header.push(run(random.pick(units.header), Math.min(share, 16_000)))
  const kind = random.next()
  if (kind < 0.25) {
    header.push(run(`\r\nContent-Type: ${json}${random.pick(charsets)}`))
    return { header, content: jsonRuns(random, share), times }
  }
  if (kind < 0.45) {
    header.push(run(`\r\nContent-Type: ${urlEncoded}${random.pick(charsets)}`))
    return { header, content: formRuns(random, share), times }
  }
  if (kind < 0.6) header.push(run(`\r\nContent-Type: text/plain${random.pick(charsets)}`))
  const content = random.pick([
    () => [run(random.pick(values), share)],
    () => [run(random.pick(values))],
    () => [run(random.pick(units.framing), share)],
    () => [run(random.pick(bytes), share)],
    () => jsonRuns(random, share),
    () => [],
  ])()
  return { header, content, times }
}

function jsonRuns(random: Random, size: number): Run[] {
  if (random.chance(0.1)) return paddedDashes(random, size)
  return [run(random.pick(jsonStarts)), run(random.pick(units.json), size), run(random.pick(jsonEnds))]
}

function formRuns(random: Random, size: number): Run[] {
  if (random.chance(0.1)) return paddedDashes(random, size)
  const start = random.pick(['', 'a=', 'q=', 'v=', `${random.pick(names)}=`])
  return [run(start), run(random.pick(units.form), size)]
}

/** Text that resembles the first line of a multipart body as long as possible. */
function paddedDashes(random: Random, size: number): Run[] {
  const dashes = random.pick([2, 60, 150, 200, 300])
  return [run('-', dashes), run('='), run(random.pick([' ', '\t', '-', '\r\n', '&']), size - dashes)]
}

/** Repeats a unit to fill `size` bytes; without a size, once. */
function run(unit: string, size = 0): Run {
  return { unit, times: Math.max(1, Math.floor(size / Math.max(1, unit.length))) }
}

/** Changes a copy of a recipe at up to three places. */
export function mutateRecipe(random: Random, recipe: Recipe): Recipe {
  const changed = structuredClone(recipe)
  for (let changes = 1 + random.below(3); changes > 0; changes -= 1) random.pick(changesOf(changed))(random)
  return changed
}

type Change = (random: Random) => unknown

function changesOf(recipe: Recipe): readonly Change[] {
  const parts = recipe.parts.flatMap((part): Change[] => [
    (random) => (part.times = otherCount(random, part.times)),
    (random) => changeRuns(random, part.header, units.header),
    (random) => changeRuns(random, part.content, [...units.json, ...units.form, ...units.framing, ...bytes]),
    (random) => (part.header[0]!.unit = `Content-Disposition: form-data; name="${random.pick(names)}"`),
  ])
  return [
    ...parts,
    ...parts,
    (random) => changeRuns(random, recipe.text, [...units.json, ...units.form, ...units.framing, ...bytes]),
    (random) => (recipe.route = random.pick(routeNames)),
    (random) => (recipe.chunk = random.pick([1, 7, 1000, 64 * 1024])),
    (random) => (recipe.ending = random.pick(endings)),
    (random) => {
      if (recipe.parts.length === 0) recipe.encoding = random.pick(encodings)
      else recipe.parts.push(buildPart(random, 100_000))
    },
  ]
}

function changeRuns(random: Random, runs: Run[], tokens: readonly string[]): void {
  const at = random.below(runs.length + 1)
  const changed = runs[at]
  if (changed === undefined || random.chance(0.15))
    runs.splice(at, 0, run(random.pick(tokens), random.pick(sizes)))
  else if (random.chance(0.4)) changed.times = otherCount(random, changed.times)
  else if (random.chance(0.1)) runs.splice(at, 1)
  else if (random.chance(0.5)) changed.unit += random.pick([...bytes, ...tokens])
  else changed.unit = random.pick(tokens)
}

function otherCount(random: Random, count: number): number {
  return Math.max(
    1,
    random.pick([count * 2, count * 10, Math.floor(count / 2), Math.floor(count / 10), count + 1, 1]),
  )
}
