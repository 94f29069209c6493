/** Mutates bodies. */
import type { Specimen } from './grammar.js'
import type { Random } from './random.js'

/** Changes four of ten specimens, at up to four places. */
export function mutate(random: Random, specimen: Specimen): Specimen {
  if (random.chance(0.6)) return specimen
  let { body } = specimen
  let { contentType } = specimen
  for (let changes = 1 + random.below(4); changes > 0; changes -= 1) {
    if (random.chance(0.03)) contentType = mutateText(random, contentType)
    else body = random.pick(mutations)(random, body)
  }
  return { contentType, body }
}

type Mutation = (random: Random, body: Buffer) => Buffer

const mutations: readonly Mutation[] = [
  flipBit,
  setByte,
  remove,
  duplicate,
  splice,
  truncate,
  insert,
  insert,
  bareLineEnd,
  bareLineEnds,
  swapLines,
  removeLine,
]

function flipBit(random: Random, body: Buffer): Buffer {
  const changed = Buffer.from(body)
  if (body.length > 0) changed[random.below(body.length)]! ^= 1 << random.below(8)
  return changed
}

function setByte(random: Random, body: Buffer): Buffer {
  const changed = Buffer.from(body)
  if (body.length > 0)
    changed[random.below(body.length)] = random.pick([0, 9, 10, 13, 32, 34, 45, 58, 59, 61, 92, 255])
  return changed
}

function range(random: Random, body: Buffer): [from: number, to: number] {
  const from = random.below(body.length + 1)
  const length = random.chance(0.7) ? random.below(4) : random.below(body.length + 1)
  return [from, Math.min(body.length, from + length)]
}

function remove(random: Random, body: Buffer): Buffer {
  const [from, to] = range(random, body)
  return Buffer.concat([body.subarray(0, from), body.subarray(to)])
}

function duplicate(random: Random, body: Buffer): Buffer {
  const [from, to] = range(random, body)
  return Buffer.concat([body.subarray(0, to), body.subarray(from)])
}

function splice(random: Random, body: Buffer): Buffer {
  const [from, to] = range(random, body)
  const at = random.below(body.length + 1)
  return Buffer.concat([body.subarray(0, at), body.subarray(from, to), body.subarray(at)])
}

function truncate(random: Random, body: Buffer): Buffer {
  return body.subarray(0, random.below(body.length + 1))
}

function insert(random: Random, body: Buffer): Buffer {
  const at = random.below(body.length + 1)
  const delimiter = body.subarray(0, Math.max(0, body.indexOf('\r\n'))).toString('latin1')
  const token = random.pick([
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '--',
    '-',
    '"',
    '\\',
    ';',
    ':',
    '=',
    ' ',
    '\0',
    delimiter,
    `\r\n${delimiter}`,
    `\r\n${delimiter}\r\n`,
    `\r\n${delimiter}--`,
    `\r\n${delimiter}--\r\n`,
  ])
  return Buffer.concat([body.subarray(0, at), Buffer.from(token, 'latin1'), body.subarray(at)])
}

function bareLineEnd(random: Random, body: Buffer): Buffer {
  const at = body.indexOf('\r\n', random.below(body.length + 1))
  if (at === -1) return body
  const kept = random.pick(['\n', '\r', ''])
  return Buffer.concat([body.subarray(0, at), Buffer.from(kept), body.subarray(at + 2)])
}

function bareLineEnds(random: Random, body: Buffer): Buffer {
  const end = random.chance(0.8) ? '\n' : '\r'
  return Buffer.from(body.toString('latin1').replaceAll('\r\n', end), 'latin1')
}

function lines(body: Buffer): string[] {
  return body.toString('latin1').split('\r\n')
}

function swapLines(random: Random, body: Buffer): Buffer {
  const all = lines(body)
  const [one, other] = [random.below(all.length), random.below(all.length)]
  ;[all[one], all[other]] = [all[other]!, all[one]!]
  return Buffer.from(all.join('\r\n'), 'latin1')
}

function removeLine(random: Random, body: Buffer): Buffer {
  const all = lines(body)
  all.splice(random.below(all.length), 1)
  return Buffer.from(all.join('\r\n'), 'latin1')
}

/** Mutates the value of a header, without control characters, which Node refuses. */
function mutateText(random: Random, text: string): string {
  const at = random.below(text.length + 1)
  const token = random.pick(['"', '\\', ';', '=', ' ', "'", '--', 'boundary=', ''])
  return text.slice(0, at) + token + text.slice(at + random.below(2))
}
