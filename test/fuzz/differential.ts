/** Runs one case: Formgate reads a body cut in several ways, and two other parsers read it whole. */
import { inspect } from 'node:util'
import type { Limits } from '@formgate/core'
import type { Answer, Part } from './answers.js'
import { askFormgate, pieces, type Cuts, type Setting } from './formgate.js'
import { boundaryOf, frame, type Framed } from './framing-model.js'
import { buildSpecimen, type Specimen } from './grammar.js'
import { mutate } from './mutations.js'
import {
  disagreements,
  type Disagreement,
  type Evidence,
  type PartEvidence,
  type Peer,
} from './disagreements.js'
import { askFastifyBusboy, askUndici } from './peers.js'
import { Random } from './random.js'

/** How often each class of disagreement occurred, by its name. */
export type Tally = Map<string, number>

/** Milliseconds for reading one body once. */
const deadline = 15_000

export class Finding extends Error {
  override readonly name = 'Finding'
}

/** Runs the case of one seed. @throws Finding */
export async function runCase(seed: number, tally: Tally): Promise<void> {
  const random = new Random(seed)
  const specimen = mutate(random, buildSpecimen(random))
  const setting = randomSetting(random)
  const fail = (what: string): never => {
    throw new Finding(`${what}\n${describe(seed, specimen, setting)}`)
  }
  // Recutting reads a body to its end, which reports this limit before any error in a part.
  const isMetOnTheWay = setting.limits?.bodySize !== undefined
  const ours = await within(
    deadline,
    'Formgate',
    askFormgate(specimen, [], { ...setting, trickle: isMetOnTheWay }),
  ).catch((error: unknown) => fail(`Formgate: ${inspect(error)}`))
  for (const [cuts, wish] of randomCuts(random, specimen.body)) {
    const trickle = wish || isMetOnTheWay
    const again = await within(
      deadline,
      'Formgate',
      askFormgate(specimen, cuts, { ...setting, trickle }),
    ).catch((error: unknown) => fail(`Formgate, cut at ${cuts.join()}: ${inspect(error)}`))
    if (inspect(again, { depth: 9 }) === inspect(ours, { depth: 9 })) continue
    fail(
      `The answer depends on the cut.\nwhole: ${inspect(ours, { depth: 9 })}\ncut at ${cuts.join()}${trickle ? ', trickling' : ''}: ` +
        `${inspect(again, { depth: 9 })}\npieces: ${inspect(pieces(specimen.body, cuts).map((piece) => piece.toString('latin1')))}`,
    )
  }
  if (setting.limits !== undefined || setting.charsetField === true) return
  const framed = frame(specimen.body.toString('latin1'), boundaryOf(specimen.contentType))
  const fault = unlikeModel(ours, framed, specimen)
  if (fault !== undefined)
    fail(`Formgate finds other parts than the model: ${fault}\n${inspect(ours)}\n${inspect(framed)}`)
  for (const [peer, ask] of [
    ['undici', askUndici],
    ['@fastify/busboy', askFastifyBusboy],
  ] as const) {
    const theirs = await within(deadline, peer, ask(specimen))
    for (const name of compare(peer, specimen, framed, ours, theirs, fail))
      tally.set(name, (tally.get(name) ?? 0) + 1)
  }
}

async function within<T>(milliseconds: number, who: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${who} did not settle within ${milliseconds} ms.`)),
      milliseconds,
    )
  })
  try {
    return await Promise.race([promise, tooLong])
  } finally {
    clearTimeout(timer)
  }
}

function randomSetting(random: Random): Setting {
  const declareLength = random.chance(0.5)
  if (random.chance(0.05)) return { declareLength, charsetField: true }
  if (random.chance(0.9)) return { declareLength }
  const small = (): number => random.below(random.pick([3, 20, 200]))
  return {
    declareLength,
    limits: withoutContradiction({
      [random.pick([
        'fileSize',
        'files',
        'fieldSize',
        'fieldNameSize',
        'fields',
        'parts',
        'headerSize',
        'fieldsSize',
      ] as const)]: small(),
      [random.pick(['fieldSize', 'fieldsSize', 'bodySize', 'nesting'] as const)]: small(),
      ...(random.chance(0.2) && { fieldSize: small(), fieldsSize: small() }),
    }),
  }
}

/** A `bodySize` that has no room for a file of `fileSize` throws at definition. */
function withoutContradiction({ fileSize, ...others }: Partial<Limits>): Partial<Limits> {
  const isTold = fileSize !== undefined && fileSize <= (others.bodySize ?? Infinity)
  return isTold ? { ...others, fileSize } : others
}

/** Byte by byte if the body is short, and twice at random. */
function randomCuts(random: Random, body: Buffer): [cuts: Cuts, trickle: boolean][] {
  const sets: [Cuts, boolean][] = []
  if (body.length < 160 || random.chance(80 / body.length))
    sets.push([Array.from(body, (_, index) => index), false])
  sets.push([someCuts(random, body, 1 + random.below(3)), random.chance(0.1)])
  sets.push([someCuts(random, body, 1 + random.below(12)), random.chance(0.1)])
  return sets
}

function someCuts(random: Random, body: Buffer, count: number): Cuts {
  const cuts = Array.from({ length: count }, () => {
    const at = random.below(body.length + 1)
    // Most bugs are at line ends.
    return random.chance(0.5) ? body.indexOf('\r', at) + random.below(5) : at
  })
  return [...new Set(cuts)].toSorted((one, other) => one - other)
}

const framingCodes: Record<string, Framed['end'] | undefined> = {
  TRUNCATED_BODY: 'truncated',
  LIMIT_HEADER_SIZE: 'header too long',
}

const beforeFraming = new Set([
  'MISSING_BOUNDARY',
  'INVALID_BOUNDARY',
  'DUPLICATE_BOUNDARY',
  'UNSUPPORTED_MEDIA_TYPE',
  'MISSING_CONTENT_TYPE',
])

/** How an answer differs from the model of framing; `undefined` if it does not. */
function unlikeModel(ours: Answer, framed: Framed, specimen: Specimen): string | undefined {
  if (specimen.body.length === 0) return ours.kind === 'parts' ? undefined : 'an empty body is an empty form'
  if (ours.kind === 'parts') {
    if (framed.end !== 'closed') return `the body is ${framed.end}`
    if (framed.preamble.includes(`--${boundaryOf(specimen.contentType)}`))
      return 'the boundary is in the preamble'
    const chosen = framed.parts.filter((part) => !isNoFileChosen(part))
    return chosen.length === ours.parts.length ? undefined : `it has ${chosen.length} parts`
  }
  if (beforeFraming.has(ours.code)) return undefined
  if (['BOUNDARY_MISMATCH', 'NOT_MULTIPART'].includes(ours.code)) {
    const isSpoilt = framed.preamble.includes(`--${boundaryOf(specimen.contentType)}`)
    return framed.end === 'no delimiter' || isSpoilt ? undefined : 'there are delimiters'
  }
  // Both the framing and the header of a part report a bare line end.
  if (ours.code === 'LF_LINE_ENDINGS') return undefined
  const end = framingCodes[ours.code]
  if (end !== undefined) return framed.end === end ? undefined : `the body is ${framed.end}`
  const number = Number(/^Part (\d+) /.exec(ours.detail)?.[1] ?? 1)
  return number <= framed.parts.length ? undefined : `the body has no part ${number}`
}

function isNoFileChosen({ header, content }: { header: string; content: string }): boolean {
  return (
    content === '' &&
    /;[ \t]*filename[ \t]*=[ \t]*(?:""|[ \t]*(?:;|\r|$))/i.test(header) &&
    !hasReadableExtendedName(header)
  )
}

/** Whether a header has a `filename*` that says a name: one that says none counts as absent (RFC 8187, 3.2.1). */
function hasReadableExtendedName(header: string): boolean {
  const value = /filename\*[ \t]*=[ \t]*"?(?:utf-8|(iso-8859-1))'[^'";\r]*'([^";\r]*)/i.exec(header)
  if (value === null) return false
  try {
    return value[2] !== '' && (value[1] !== undefined || decodeURIComponent(value[2] ?? '') !== '')
  } catch {
    return false
  }
}

/** The classes of the disagreement between two answers. */
function compare(
  peer: Peer,
  specimen: Specimen,
  framed: Framed,
  ours: Answer,
  theirs: Answer,
  fail: (what: string) => never,
): readonly string[] {
  const evidence = { peer, specimen, boundary: boundaryOf(specimen.contentType), framed, ours, theirs }
  const whole = (): string => {
    const found = disagreements.find(({ applies }) => applies?.(evidence) ?? false)
    if (found === undefined) {
      fail(
        `Unknown disagreement with ${peer}.\nours: ${inspect(ours, { depth: 9 })}\ntheirs: ${inspect(theirs, { depth: 9 })}`,
      )
    }
    return found.name
  }
  if (ours.kind === 'refusal' || theirs.kind === 'refusal') return ours.kind === theirs.kind ? [] : [whole()]
  return align(evidence, ours.parts, theirs.parts) ?? [whole()]
}

/** Walks both lists of parts; `undefined` if a difference between two parts has no class. */
function align(
  { peer, framed }: Evidence,
  ours: readonly Part[],
  theirs: readonly Part[],
): readonly string[] | undefined {
  const names: string[] = []
  let [our, their] = [0, 0]
  for (const raw of framed.parts) {
    const mine = isNoFileChosen(raw) ? undefined : ours[our++]
    const found = explain({ peer, raw, ours: mine, theirs: theirs[their++] })
    if (found === undefined) return undefined
    names.push(...found)
  }
  return their === theirs.length ? names : undefined
}

/** The classes of all differences between two parts; `undefined` if one has no class. */
function explain(evidence: PartEvidence): readonly string[] | undefined {
  const { ours, theirs } = evidence
  const found: (Disagreement | undefined)[] = []
  const isFile = (part: Part | undefined): boolean => part?.filename !== undefined
  const isOther = ours === undefined || theirs === undefined || isFile(ours) !== isFile(theirs)
  if (isOther) found.push(disagreements.find(({ explainsKind }) => explainsKind?.(evidence)))
  if (ours !== undefined && theirs !== undefined) {
    const named = (mine: string, other: string): void => {
      if (mine !== other)
        found.push(disagreements.find(({ explainsName }) => explainsName?.(evidence, mine, other)))
    }
    named(ours.name, theirs.name)
    named(ours.filename ?? '', theirs.filename ?? '')
    // The text of a field cannot be compared with the bytes of a file.
    if (ours.value !== theirs.value && !isOther)
      found.push(disagreements.find(({ explainsValue }) => explainsValue?.(evidence)))
  }
  return found.includes(undefined) ? undefined : found.map((each) => each!.name)
}

function describe(seed: number, { contentType, body }: Specimen, setting: Setting): string {
  return [
    `seed: ${seed}    (npm run fuzz -- --seed ${seed})`,
    `setting: ${JSON.stringify(setting)}`,
    `content-type: ${JSON.stringify(contentType)}`,
    `body: ${JSON.stringify(body.toString('latin1'))}`,
  ].join('\n')
}
