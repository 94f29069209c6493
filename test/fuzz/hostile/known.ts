/** Known hostile bodies: the search starts from them, and test/chaos sends them. */
import type { Recipe, RepeatedPart, Run } from './recipe.js'

const MiB = 1024 * 1024

const multipart = { contentType: 'multipart/form-data; boundary=X', text: [] }
const urlEncoded = { contentType: 'application/x-www-form-urlencoded', parts: [] }
const json = { contentType: 'application/json', parts: [] }

/** Common to most of them. */
const ordinary = { route: 'untyped', encoding: '', ending: 'whole', chunk: 64 * 1024 } as const

const once = (unit: string): Run => ({ unit, times: 1 })
const filling = (size: number, unit: string): Run => ({ unit, times: Math.floor(size / unit.length) })

function parts(times: number, header: readonly Run[], ...content: Run[]): { parts: RepeatedPart[] } {
  return {
    parts: [{ header: [once('Content-Disposition: form-data; name="a"'), ...header], content, times }],
  }
}

const ofType = (type: string): Run => once(`\r\nContent-Type: ${type}`)
const file = once('; filename="a-file-name-of-some-length.txt"')

/** Bytes in the header of a part beside its Content-Disposition. */
const headerRoom = 16_000
const lineOfPadding = [once('\r\nX-P: '), filling(headerRoom, 'p')]
const dashes = [filling(150, '-'), once('='), filling(873, ' ')]
/** A field of the largest size that the limits allow. */
const textRoom = MiB - 100
/** Almost as many JSON values as a request may have. */
const mostValues = 99_990

const listOf = (size: number, unit: string): Run[] => [
  once('['),
  filling(size, unit),
  once(`${unit.slice(0, -1)}]`),
]

/** The form of an honest client: 1,000 fields, 1 MiB in all. */
export const honest: Recipe = {
  ...ordinary,
  ...multipart,
  parts: [
    {
      header: [once('Content-Disposition: form-data; name="f§"')],
      content: [filling(980, 'x')],
      times: 1000,
    },
  ],
}

/** By short names, with which a seed may begin. */
export const known = {
  'dashes-in-parts': {
    ...ordinary,
    ...multipart,
    ...parts(100, [ofType('application/x-www-form-urlencoded')], ...dashes),
  },
  'dashes-in-json': { ...ordinary, ...json, text: dashes },
  'dashes-in-a-form': { ...ordinary, ...urlEncoded, text: dashes },
  'dashes-without-a-boundary': { ...ordinary, contentType: 'multipart/form-data', parts: [], text: dashes },

  'wrong-items': { ...ordinary, ...json, route: 'body: strings', text: listOf(textRoom, '1,') },
  'wrong-items-compressed': {
    ...ordinary,
    ...json,
    route: 'body: strings',
    text: listOf(textRoom, '1,'),
    encoding: 'br',
  },
  'wrong-options': { ...ordinary, ...multipart, route: 'form: enum', ...namedParts(1000, 'v', once('no')) },
  'empty-objects-in-parts': {
    ...ordinary,
    ...multipart,
    ...parts(9, [ofType('application/json')], ...listOf(textRoom, '{},')),
  },
  'empty-objects-compressed': { ...ordinary, ...json, text: listOf(textRoom, '{},'), encoding: 'br' },
  'most-wrong-items': { ...ordinary, ...json, route: 'body: strings', text: listOf(2 * mostValues, '1,') },
  'most-empty-objects': { ...ordinary, ...json, text: listOf(3 * mostValues, '{},') },
  'most-empty-objects-in-parts': {
    ...ordinary,
    ...multipart,
    ...parts(9, [ofType('application/json')], ...listOf(3 * Math.floor(mostValues / 9 - 9), '{},')),
  },
  'most-distinct-keys': {
    ...ordinary,
    ...json,
    text: [once('['), { unit: '{"§":0},', times: mostValues / 2 }, once('0]')],
  },
  'most-distinct-keys-of-one': {
    ...ordinary,
    ...json,
    text: [once('{'), { unit: '"k§":0,', times: mostValues }, once('"":0}')],
  },
  'open-lists': { ...ordinary, ...json, text: [filling(textRoom, '[')] },
  'list-broken-at-its-end': { ...ordinary, ...json, text: [once('['), filling(textRoom, '0,'), once(']')] },
  'prototype-keys': {
    ...ordinary,
    ...multipart,
    ...parts(1000, [ofType('application/json')], once('{"__proto__":{"a":1}}')),
  },

  'fields-in-parts': {
    ...ordinary,
    ...multipart,
    ...parts(1000, [ofType('application/x-www-form-urlencoded')], { unit: '§&', times: 1000 }),
  },
  'small-json-parts': { ...ordinary, ...multipart, ...parts(1000, [ofType('application/json')], once('0')) },
  'small-form-parts': {
    ...ordinary,
    ...multipart,
    // Each counts as a field, and so does each field in it.
    ...parts(333, [ofType('application/x-www-form-urlencoded')], once('a=b&c=d')),
  },
  'parts-in-another-charset': {
    ...ordinary,
    ...multipart,
    ...parts(1000, [ofType('text/plain; charset=shift_jis')], once('\x81\x40')),
  },
  'bad-escapes': { ...ordinary, ...urlEncoded, text: [once('a='), filling(textRoom, '%ff')] },
  'recursive-schema': {
    ...ordinary,
    ...urlEncoded,
    route: 'form: number or list',
    text: [filling(400, 'q=z&')],
  },
  'short-value-of-a-long-body': {
    ...ordinary,
    ...urlEncoded,
    text: [once('user='), filling(20, 'u'), once('&pad='), filling(textRoom, 'x')],
  },

  'disposition-parameters': {
    ...ordinary,
    ...multipart,
    ...parts(100, [{ unit: ';p§=', times: 2300 }], once('v')),
  },
  'most-header-lines-of-files': {
    ...ordinary,
    ...multipart,
    ending: 'withheld',
    ...longNamedParts(100, [file, { unit: '\r\n§:', times: 63 }], once('x')),
  },
  'header-lines-of-files': {
    ...ordinary,
    ...multipart,
    ending: 'withheld',
    ...longNamedParts(100, [file, { unit: '\r\n§:', times: 2700 }], once('x')),
  },
  'padded-headers-of-files': {
    ...ordinary,
    ...multipart,
    ending: 'withheld',
    ...longNamedParts(100, [file, ...lineOfPadding], once('x')),
  },
  'padded-headers-of-fields': {
    ...ordinary,
    ...multipart,
    ending: 'withheld',
    ...longNamedParts(1000, lineOfPadding, once('v')),
  },
  'padded-headers-of-json': {
    ...ordinary,
    ...multipart,
    ending: 'withheld',
    ...longNamedParts(1000, [ofType('application/json'), ...lineOfPadding], once('1')),
  },
  'small-files': { ...ordinary, ...multipart, ...parts(100, [file], once('x')) },
  'small-fields': { ...ordinary, ...urlEncoded, text: [{ unit: '§&', times: 1000 }] },
  'false-delimiters': { ...ordinary, ...multipart, ...parts(1, [file], filling(MiB, '\r\n--Xa')) },
  'single-bytes': { ...ordinary, ...multipart, ...parts(1, [file], filling(100_000, 'x')), chunk: 1 },
  'files-of-other-names': {
    ...ordinary,
    ...multipart,
    route: 'form: flat',
    parts: [
      ...parts(1, [], once('v')).parts,
      ...namedParts(20, 'other"; filename="a.txt', filling(textRoom, 'x')).parts,
    ],
  },
  'one-file': { ...ordinary, ...multipart, ...parts(1, [file], filling(textRoom, 'x')) },

  'withheld-json': { ...ordinary, ...json, text: [filling(textRoom, ' ')], ending: 'withheld' },
  'withheld-brotli': {
    ...ordinary,
    ...json,
    text: [filling(textRoom, ' ')],
    encoding: 'br',
    ending: 'withheld',
  },
  'withheld-gzip': {
    ...ordinary,
    ...json,
    text: [filling(textRoom, ' ')],
    encoding: 'gzip',
    ending: 'withheld',
  },
  'withheld-compressed-form': {
    ...ordinary,
    ...urlEncoded,
    text: [once('a='), filling(textRoom, 'x')],
    encoding: 'deflate',
    ending: 'withheld',
  },
  'withheld-files': {
    ...ordinary,
    ...multipart,
    ending: 'withheld',
    ...parts(100, [file], filling(64 * 1024, 'x')),
  },
  'withheld-everything': {
    ...ordinary,
    ...multipart,
    ending: 'withheld',
    parts: [
      ...parts(9, [], filling(textRoom - 3, 'a'), once('\xe2\x82\xac')).parts,
      ...longNamedParts(890, lineOfPadding, once('v')).parts,
      ...longNamedParts(100, [file, ...lineOfPadding], filling(64 * 1024, 'x')).parts,
    ],
  },
} satisfies Record<string, Recipe>

export type KnownName = keyof typeof known

function namedParts(times: number, name: string, ...content: Run[]): { parts: RepeatedPart[] } {
  return { parts: [{ header: [once(`Content-Disposition: form-data; name="${name}"`)], content, times }] }
}

/** Parts with names so long that V8 would keep the whole header in memory rather than copy the name. */
function longNamedParts(times: number, header: readonly Run[], ...content: Run[]): { parts: RepeatedPart[] } {
  const name = once('Content-Disposition: form-data; name="a-name-of-some-length-§"')
  return { parts: [{ header: [name, ...header], content, times }] }
}
