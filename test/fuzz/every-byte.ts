/** Checks one body: each byte of each part arrives in `data` or `files`, or the answer is a 4xx. */
import { inspect } from 'node:util'
import type { Part } from './answers.js'
import { buildClientForm, type ClientPart } from './client-parts.js'
import { askFormgate, type Setting } from './formgate.js'
import { boundaryOf, frame, type RawPart } from './framing-model.js'
import { buildSpecimen, type Specimen } from './grammar.js'
import { mutate } from './mutations.js'
import { Random } from './random.js'

/** @returns whether the body was read @throws Error if a byte is lost */
export async function checkEveryByte(seed: number): Promise<boolean> {
  const random = new Random(seed)
  const form = random.chance(0.6) ? buildClientForm(random) : undefined
  const specimen = form ?? mutate(random, buildSpecimen(random))
  const setting = randomSetting(random)
  const cuts = random.chance(0.5) ? [] : [random.below(specimen.body.length + 1)]
  const answer = await askFormgate(specimen, cuts, setting)
  if (answer.kind === 'refusal' || specimen.body.length === 0) return false
  const raw = frame(specimen.body.toString('latin1'), boundaryOf(specimen.contentType)).parts
  const left = [...answer.parts]
  const lost = raw.flatMap((part, at) => {
    // Nothing to find: no file was chosen.
    if (part.content === '' && isNameless(part)) return []
    const found = left.shift()
    const fault =
      faultOf(part, found, charsetOf(part, raw, specimen, setting)) ?? misnamed(found, form?.parts[at])
    return fault === undefined ? [] : [{ fault, part, found }]
  })
  if (lost.length === 0 && left.length === 0) return true
  throw new Error(
    `seed ${seed}, ${inspect(setting)}, ${specimen.contentType}:\n${inspect(lost, { depth: 9 })}\n` +
      JSON.stringify(specimen.body.toString('latin1').slice(0, 3000)),
  )
}

function randomSetting(random: Random): Setting {
  return {
    ...(random.chance(0.2) && { charset: random.pick(['windows-1251', 'gb18030']) }),
    ...(random.chance(0.2) && { charsetField: true }),
    ...(random.chance(0.2) && { charsetsField: 'charsets' }),
  }
}

function isNameless({ header }: RawPart): boolean {
  return /;[ \t]*filename[ \t]*=[ \t]*(?:""|(?=[;\r]|$))/i.test(header) && !/filename\*/i.test(header)
}

function faultOf({ header, content }: RawPart, found: Part | undefined, charset: string): string | undefined {
  if (found === undefined) return 'the part is missing'
  if (found.filename !== undefined) return found.value === content ? undefined : 'the file has other bytes'
  const bytes = Buffer.from(content, 'latin1')
  const type = /(?:^|\r\n)content-type:[ \t]*([^;\r\n \t]*)/i.exec(header)?.[1]?.toLowerCase() ?? ''
  // A parser reads it, by rules of its own: JSON is UTF-8, and a URL-encoded form has no bytes beyond ASCII.
  if (type === 'application/x-www-form-urlencoded') return undefined
  if (type === 'application/json')
    return found.value === JSON.stringify(JSON.parse(bytes.toString())) ? undefined : 'the JSON is another'
  return found.value === strictly(bytes, charset) ? undefined : `the text is another in ${charset}`
}

function misnamed(found: Part | undefined, sent: ClientPart | undefined): string | undefined {
  if (found === undefined || sent === undefined) return undefined
  if (found.name !== sent.name) return `it is called ${sent.name}`
  const filename = sent.filename ?? (found.filename === undefined ? undefined : '')
  return found.filename === filename ? undefined : `the file is called ${filename}`
}

/** The text of bytes; `undefined` if some are not valid. A byte order mark belongs to the text only in UTF-8. */
function strictly(bytes: Buffer, charset: string): string | undefined {
  try {
    const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: /^utf-?8$/i.test(charset) })
    return decoder.decode(bytes, { stream: true }) + decoder.decode()
  } catch {
    return undefined
  }
}

function known(label: string | undefined): string | undefined {
  try {
    return label === undefined || new TextDecoder(label).encoding === '' ? undefined : label
  } catch {
    return undefined
  }
}

const charsetIn = (header: string): string | undefined =>
  /;[ \t]*charset[ \t]*=[ \t]*(?:"([^"]*)"|([^;\s]*))/i.exec(header)?.slice(1).find(Boolean)

function nameOf({ header }: RawPart): string | undefined {
  return /;[ \t]*name[ \t]*=[ \t]*"?([^";\r]*)/i.exec(header)?.[1]
}

/** The charset of a text: its own, else the one that a field names, else that of the form, else that of the parser. */
function charsetOf(
  part: RawPart,
  all: readonly RawPart[],
  { contentType }: Specimen,
  setting: Setting,
): string {
  const type = /(?:^|\r\n)content-type:[^\r]*/i.exec(part.header)?.[0] ?? ''
  // A media type that cannot be read has no charset.
  const own = /^\s*content-type:[ \t]*[\w.+-]+\/[\w.+-]+/i.test(type) ? charsetIn(type) : undefined
  const valuesOf = (name: string): string[] =>
    all
      .filter((each) => nameOf(each) === name && !/filename/i.test(each.header))
      .map(({ content }) => content)
  const named =
    setting.charsetField === true ? valuesOf('_charset_').find((value) => known(value)) : undefined
  const byName = setting.charsetsField === undefined ? undefined : namedIn(valuesOf('charsets'), nameOf(part))
  return own ?? known(byName) ?? named ?? known(charsetIn(contentType)) ?? setting.charset ?? 'utf-8'
}

function namedIn(values: readonly string[], name = ''): string | undefined {
  for (const value of values) {
    try {
      const charsets = Object(JSON.parse(value)) as Record<string, unknown>
      const charset = Object.hasOwn(charsets, name) ? charsets[name] : undefined
      return typeof charset === 'string' ? charset : undefined
    } catch {
      // The next field may be readable.
    }
  }
  return undefined
}
