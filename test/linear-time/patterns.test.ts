/**
 * Times every regular expression of the packages on the texts that it is slowest on. A client may send 1 MiB of any text,
 * so that a pattern of more than linear time stops a server.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import ts from 'typescript-5'

const packages = new URL('../../packages/', import.meta.url)

/**
 * Texts that lead into the loops of a pattern. Each is followed by runs of one or two characters that occur in the
 * pattern, and by an end that makes it fail late.
 */
const openings: Readonly<Record<string, readonly string[]>> = {
  // media-type.ts
  "/^[ \\t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\\/([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \\t]*(?=;|$)/": ['', 'a/', 'a/b'],
  '/;[ \\t]*([^=; \\t]*)[ \\t]*(?:=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;]*)))?[^;]*/gs': [
    '',
    ';a="',
    ';a=',
    ';a',
  ],
  '/\\\\(.)/gs': [''],
  '/^utf-?8$/i': ['', 'utf'],
  '/^utf-16$/i': ['', 'utf'],
  // content-disposition.ts
  "/^[ \\t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \\t]*(?=;|$)/": ['', 'form-data'],
  '/(?:[ \\t]*;)+[ \\t]*(?:$|([!#$%&\'*+.^_`|~0-9A-Za-z-]+)[ \\t]*=(?:[ \\t]*"((?:\\\\"|[^"])*)"[ \\t]*|([^";]*))(?=;|$))/y':
    ['', ';', '; name', '; name=', '; name="', '; name="a"', '; name="\\"'],
  '/^(?:file)?name\\*\\d/': ['', 'filename*'],
  '/^[ \\t]*;[ \\t]*([^=\\s;]*)/': ['', ';', '; name'],
  '/[\\u0080-\\u00ff]/': [''],
  "/^([^']*)'[^']*'((?:[^%]|%[0-9a-f]{2})*)$/i": ['', "utf-8'", "utf-8''", "utf-8''%41"],
  // parts and forms
  "/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/": [''],
  '/^[\\w.[\\]-]+$/': [''],
  '/^Content-Disposition: (form-data; name="([\\w.[\\]-]+)"; filename="([\\w .()-]+)")\\r\\nContent-Type: (\\w+\\/[\\w.+-]+)$/':
    [
      'Content-Disposition: form-data; name="',
      'Content-Disposition: form-data; name="a"; filename="',
      'Content-Disposition: form-data; name="a"; filename="b"\r\nContent-Type: ',
      'Content-Disposition: form-data; name="a"; filename="b"\r\nContent-Type: c/',
    ],
  '/(?:^|[^\\r])\\n/': [''],
  '/^--./': ['', '--'],
  '/^Content-[\\w-]+:/i': ['', 'Content-'],
  '/^-*/': ['', '-'],
  '/^[ \\t]+--$/': ['', ' ', ' -'],
  '/^--[^\\s-]\\S{0,199}--$|^--\\S{1,200}[^\\s-]--$/': ['', '--', '--a'],
  '/^--(?=\\S*\\w)(\\S{1,200}?)(?:--)?$/': ['', '--', '--a'],
  '/^[^\\s=&{}[\\]<>"]+=[^\\s]*(?:&|$)/': ['', 'a='],
  '/^\\s*[{[]/': [''],
  '/^\\s*-/': [''],
  '/(?:^|&)_charset_=([^&]*)/': ['', '_charset_=', '&'],
  // mounts of Express 4
  '/[()[\\]|*+?]/': [''],
  // names
  '/[.[\\]]+/': [''],
  '/[\\\\/]/': [''],
  '/^(?:con|prn|aux|nul|conin\\$|conout\\$|(?:com|lpt)[0-9¹²³])\\s*(?:\\.|$)/i': ['', 'con', 'com1'],
  '/^\\w[\\w-]{0,99}\\.\\w{1,9}$/': ['', 'a', 'a.'],
  '/\\p{Zs}/gu': [''],
  '/[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Zl}\\p{Zp}]/gu': [''],
  '/.(\\.[a-z0-9]{1,16})$/i': ['', 'a.'],
  '/^formgate-[0-9a-f]{32}\\.part$/': ['', 'formgate-'],
  '/^formgate-[0-9a-f]{32}\\.part$/i': ['', 'formgate-'],
  '/(?:^|[\\\\/])\\.{1,2}(?:[\\\\/]|$)/': ['', '/', '/.'],
  // texts of answers
  '/[\\p{Cc}\\u2028\\u2029]/u': [''],
  '/[\\p{Cc}\\u2028\\u2029]/gu': [''],
  '/[\\ud800-\\udbff]$/': ['', '\ud800'],
  '/["\'`]/': [''],
  '/^(?:boolean|number|bigint|date|object|array|map|set|record|tuple)$/': [''],
  '/^(?:0|[1-9]\\d*)$/': ['', '1'],
  '/[.[]/': [''],
  // media types and samples of files
  '/^[\\x20-\\x7e]*$/': [''],
  '/^[\\x21-\\x7e]+$/': [''],
  '/^(?:\\.[^\\s/]+|[^\\s/;]+\\/[^\\s/;]+)$/': ['', '.', 'a/'],
  '/;.*/': ['', ';'],
  '/^text\\/|[+/](?:json|xml|yaml|x-yaml|toml|sql|csv|javascript|x-javascript|ecmascript|typescript|graphql|x-ndjson|x-sh)$/':
    ['', '/', '+x-java'],
  '/[\\u0000-\\u0008\\u000b\\u000e-\\u001a\\u001c-\\u001f]/': [''],
  '/^\\u00ef\\u00bb\\u00bf/': [''],
  '/<(?:\\w+:)?svg[\\s/>]/': ['', '<', '<a:'],
  '/[+/]xml$/': ['', '/xm'],
  '/<[a-z!]/i': ['', '<'],
  '/[+/]json$/': ['', '/jso'],
  '/^(?:[[{"\\d-]|true|false|null)/': [''],
  '/^<(?:!doctype html|html|head|body|script)\\b/i': ['', '<html'],
  '/officedocument|opendocument|macroenabled|epub|java-archive|android\\.package|3mf|xpinstall|\\+zip$/': [
    '',
    'open',
  ],
  '/^application\\/(?:msword|vnd\\.(?:ms-|visio)|x-ms)/': ['', 'application/'],
  // values
  '/^-?(?:\\d+(?:\\.\\d+)?|\\.\\d+)(?:[eE][+-]?\\d+)?$/': ['', '-', '1', '1.', '1.5', '1e'],
  '/^-?\\d+$/': ['', '-'],
  '/^(\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01]))(?:[T ]((?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:[.,]\\d{1,9})?)?)(Z|z|[+-](?:[01]\\d|2[0-3]):?[0-5]\\d)?)?$/':
    ['', '2026-01-01', '2026-01-01T10:00:00.'],
  // what the server's author writes
  '/\\?.*$/s': ['', '?'],
  '/[`\\r\\n]/g': [''],
}

/** The regular expressions in the sources, each with a file that contains it. */
function writtenPatterns(): Map<string, string> {
  const found = new Map<string, string>()
  const read = (file: string): void => {
    const source = ts.createSourceFile(
      file,
      readFileSync(new URL(file, packages), 'utf8'),
      ts.ScriptTarget.ESNext,
    )
    const visit = (node: ts.Node): void => {
      const isCall = ts.isNewExpression(node) || ts.isCallExpression(node)
      const isMade = isCall && ts.isIdentifier(node.expression) && node.expression.text === 'RegExp'
      if (isMade || ts.isRegularExpressionLiteral(node)) found.set(node.getText(source), file)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  for (const each of readdirSync(packages, { withFileTypes: true })) {
    // The codemod reads the code of its user, and nothing of a client.
    if (!each.isDirectory() || each.name === 'codemod') continue
    const names = readdirSync(new URL(`${each.name}/src/`, packages), { recursive: true, encoding: 'utf8' })
    for (const name of names) {
      if (name.endsWith('.ts') && !name.endsWith('.test.ts')) read(`${each.name}/src/${name}`)
    }
  }
  return found
}

test('every regular expression of the packages is listed here', () => {
  const written = writtenPatterns()
  expect(written.size).toBeGreaterThan(40)
  const unknown = [...written].filter(([pattern]) => !Object.hasOwn(openings, pattern))
  expect(unknown, 'not listed').toEqual([])
  expect(
    Object.keys(openings).filter((pattern) => !written.has(pattern)),
    'no longer in the sources',
  ).toEqual([])
})

/** Characters that occur in a pattern, and some that its classes contain. */
function alphabet(pattern: string): readonly string[] {
  const own = new Set(pattern.replace(/\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\p\{\w+\}|\\[a-z]/g, ''))
  for (const letter of '()?:^$|{}') if (!pattern.includes(`\\${letter}`)) own.delete(letter)
  // A few letters are enough, and outside of the long check a few of the others.
  const most = process.env['FORMGATE_LONG'] === undefined ? 5 : 12
  const letters = [...own].filter((each) => /[a-z]/i.test(each)).slice(0, 3)
  const others = [...own].filter((each) => !/[a-z]/i.test(each)).slice(0, most)
  return [...new Set([...letters, ...others, ' ', '\n', 'a', '0', '\u00e9'])]
}

/** Milliseconds of processor time, the least of several runs: other load on the machine only adds. */
function time(pattern: RegExp, text: string, runs: number): number {
  let least = Infinity
  for (let run = 0; run < runs; run += 1) {
    const start = process.cpuUsage()
    walk(pattern, text)
    const { user, system } = process.cpuUsage(start)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

/** Finds one match, or all matches of a global or sticky pattern. */
function walk(pattern: RegExp, text: string): void {
  pattern.lastIndex = 0
  let from = -1
  while (pattern.test(text) && (pattern.global || pattern.sticky) && pattern.lastIndex > from)
    from = pattern.lastIndex
}

const size = 4096
const factor = 8
/** Milliseconds for 32 KiB that are fast enough: a linear pattern takes a tenth of it. */
const quick = 4

/** Texts of two characters: alternating, and a run of one before a run of the other. */
const shapes: readonly ((one: string, other: string, length: number) => Buffer)[] = [
  (one, other, length) => Buffer.alloc(length, one + other),
  (one, other, length) => Buffer.concat([Buffer.alloc(length / 2, one), Buffer.alloc(length / 2, other)]),
  (one, other, length) => Buffer.concat([Buffer.alloc(150, one), Buffer.alloc(length, other)]),
]

const options = { timeout: 120_000 }

test.each(Object.entries(openings))(
  'the time of %s grows linearly with the text',
  options,
  (written, starts) => {
    const end = written.lastIndexOf('/')
    const pattern = new RegExp(written.slice(1, end), written.slice(end + 1))
    const characters = alphabet(written)
    const slow: string[] = []
    const pairs = characters.flatMap((one) => characters.map((other) => [one, other] as const))
    for (const [one, other] of pairs) {
      for (const shape of shapes) {
        for (const start of starts) {
          for (const last of ['', '\u0001"']) {
            // From bytes, as from a body: V8 puts a sum of strings together only when a pattern looks at it.
            const text = (length: number): string =>
              Buffer.concat([Buffer.from(start), shape(one, other, length), Buffer.from(last)]).toString()
            const large = text(size * factor)
            if (time(pattern, large, 1) < quick || time(pattern, large, 7) < quick) continue
            const [small, grown] = [time(pattern, text(size), 7), time(pattern, large, 7)]
            // A bounded repetition inside another is linear too, but can take hundreds of steps per character.
            const isSlow = grown > factor * 3 * Math.max(small, quick / 16) || grown > quick * 5
            const what = [start, one, other, last].map((each) => JSON.stringify(each)).join(' ')
            if (isSlow) slow.push(`${what}: ${small} ms for ${size} bytes, ${grown} for ${size * factor}`)
          }
        }
      }
    }
    expect(slow).toEqual([])
  },
)
