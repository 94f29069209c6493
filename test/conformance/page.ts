/** Writes docs/multipart-conformance.md. */
import { disagreements } from '../fuzz/disagreements.js'
import { sections, type Case } from './cases.js'
import { peers, type PeerName } from './peers.js'

/** Answers by the name of the case. */
export type Answers = Readonly<Record<string, string>>

/** The content of peers.json. */
export interface PeerAnswers {
  readonly node: string
  readonly versions: Readonly<Record<PeerName, string>>
  readonly answers: Readonly<Record<PeerName, Answers>>
}

export function page(ours: Answers, theirs: PeerAnswers): string {
  const heads = ['case', 'Formgate', ...peers.map((name) => `${name} ${theirs.versions[name]}`)]
  return [
    '# Multipart conformance: the answers of Formgate and of other parsers',
    '<!-- Written by `npm run conformance`. A test checks the column of Formgate, and everything else on this page. -->',
    `Each answer is a server's answer to a real request: the status, and what the server found or why it refused the body. ` +
      `Each body was sent whole, byte by byte, and line by line. If that makes a difference, the table shows all answers. The ` +
      `servers follow the README of each parser; the other parsers ran on Node ${theirs.node}. The bytes of each case are at the end.`,
    ...sections.flatMap(({ title, text, cases }) => [
      `## ${title}`,
      text,
      table(
        heads,
        cases.map(({ name }) => [
          name,
          ours[name]!,
          ...peers.map((peer) => theirs.answers[peer][name] ?? ''),
        ]),
      ),
    ]),
    '## Disagreements between parsers',
    'A fuzzer (`npm run fuzz`) builds and mutates bodies and parses them with Formgate, with `Response.formData()` of undici, ' +
      'which is the parser of the fetch standard, and with `@fastify/busboy`. It checks that Formgate gives one answer however a ' +
      'body is split into chunks, and that each disagreement with the others belongs to one of these classes.',
    table(
      ['what', 'Formgate', 'the others', 'who is right'],
      disagreements.map(({ name, formgate, others, right }) => [name, formgate, others, right]),
    ),
    '## The bytes',
    ...sections.flatMap(({ title, cases }) => [`### ${title}`, cases.map(bytes).join('\n')]),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function bytes({ name, contentType, body, limits }: Case): string {
  const lines = [
    contentType === undefined ? 'no Content-Type' : `Content-Type: ${JSON.stringify(contentType)}`,
    ...(limits ? [`limits: ${JSON.stringify(limits)}`] : []),
    `body: ${shortened(body)}`,
  ]
  return `- ${name}\n${lines.map((line) => `  - \`${line.replaceAll('`', "'")}\``).join('\n')}`
}

function shortened(body: string): string {
  const text = JSON.stringify(body).replace(
    /[\u007f-\u00ff]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16)}`,
  )
  return text.length > 600 ? `${text.slice(0, 200)}… (${body.length} bytes) …${text.slice(-100)}` : text
}
