/**
 * A newcomer with docs/start.md and empty folders: types its commands for each framework, saves its code and sends its
 * requests. This process serves the packed packages as npm's registry would, so that every command is that of the page.
 * What is typed and seen must be what docs/first-upload.md shows. `--write` writes it there, with the seconds.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { root } from './run.mjs'
import { Tarballs } from './tarballs.mjs'

/** @typedef {{ framework: string, name: string, file: string, typed: string[] }} App the last that is typed starts it */

const page = readFileSync(`${root}docs/start.md`, 'utf8')
const transcript = `${root}docs/first-upload.md`
/** @type {[framework: string, name: string][]} */
const frameworks = [
  ['express', 'Express'],
  ['koa', 'Koa'],
  ['fastify', 'Fastify'],
]

/** @type {Record<string, App[]>} */
const sections = {
  'JavaScript, and Nest': [
    ...frameworks.map(([framework, name]) => ({
      framework,
      name,
      file: 'upload.mjs',
      typed: [...commands('Install', framework), 'node upload.mjs'],
    })),
    {
      framework: 'nest',
      name: 'Nest',
      file: 'src/main.ts',
      typed: [...commands('Install', 'nest'), 'npm start'],
    },
  ],
  TypeScript: frameworks.map(([framework, name]) => ({
    framework,
    name: `${name}, TypeScript`,
    file: 'upload.mts',
    typed: commands('In TypeScript', framework),
  })),
}
for (const { file, typed } of Object.values(sections).flat()) {
  for (const said of [file, String(typed.at(-1))])
    if (!page.includes(said)) throw new Error(`docs/start.md does not say ${said}.`)
}
if (await isListening()) throw new Error('Something else listens on port 3000, which is that of the page.')

const tarballs = new Tarballs('newcomer')
const registry = await tarballs.serve()
/** @type {string[]} */
const seen = []
const table = ['| | all commands |', '|---|---:|']
for (const [title, apps] of Object.entries(sections)) {
  seen.push(`## ${title}\n`)
  for (const app of apps) {
    const [seconds, shown] = await play(app)
    table.push(`| ${app.name} | ${Math.ceil(seconds)} s |`)
    seen.push(`\`\`\`console\n${shown.join('\n')}\n\`\`\`\n`)
    console.log(`✓ ${app.name} (${seconds.toFixed(1)} s)`)
  }
}
registry.close()

const before = readFileSync(transcript, 'utf8')
const after = before.replace(
  /(<!-- run: begin -->\n)[^]*(<!-- run: end -->)/,
  (_, begin, end) => `${begin}\n${table.join('\n')}\n\n${seen.join('\n')}\n${end}`,
)
if (process.argv.includes('--write')) writeFileSync(transcript, after)
else if (timeless(after) !== timeless(before)) {
  console.error(
    `docs/first-upload.md should have this (node scripts/newcomer.mjs --write):\n${seen.join('\n')}`,
  )
  process.exitCode = 1
}

/** Without what differs each time. @param {string} transcripts */
function timeless(transcripts) {
  return transcripts
    .replaceAll(/ {3}# .* s$/gm, '')
    .replaceAll(/\| \d+ s \|/g, '')
    .replaceAll(/^added .*/gm, '')
}

/** @param {App} app @returns {Promise<[seconds: number, shown: string[]]>} */
async function play({ framework, name, file, typed }) {
  const home = join(tarballs.folder, name)
  let folder = join(home, 'upload')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(home, '.npmrc'), `@formgate:registry=${registry.address}\n`)
  // Without the settings that npm passes to its scripts, and with a cache of its own, which is empty.
  const inherited = Object.entries(process.env).filter(([key]) => !/^npm_/i.test(key))
  const env = { ...Object.fromEntries(inherited), HOME: home, npm_config_cache: join(home, '.npm') }
  /** @type {string[]} */
  const shown = []
  let seconds = 0

  /** @param {string} line @param {() => Promise<string>} work */
  async function timed(line, work) {
    const begun = performance.now()
    const output = await work()
    const took = (performance.now() - begun) / 1000
    seconds += took
    shown.push(took < 0.1 ? `$ ${line}` : `$ ${line}   # ${took.toFixed(1)} s`)
    return output
  }

  /** @param {string} line */
  const type = (line) =>
    timed(line, async () => {
      const child = spawn('sh', ['-c', line], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
      const closed = once(child, 'close')
      const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
      const [status] = await closed
      if (status !== 0) throw new Error(`$ ${line}\n${output}${complaints}`)
      return output
    })

  function save() {
    writeFileSync(join(folder, file), own(framework, 'Write the app', '(?:js|ts)'))
    shown.push(`(saves ${file})`)
  }

  const start = String(typed.at(-1))
  for (const line of typed.slice(0, -1)) {
    if (line === 'npx tsc --init') save()
    if (line.startsWith('cd ')) {
      folder = join(folder, line.slice(3))
      shown.push(`$ ${line}`)
    } else {
      const [told] = /^added \d+ packages.*|Successfully created .*/m.exec(await type(line)) ?? []
      if (told !== undefined) shown.push(told)
    }
  }
  if (!typed.includes('npx tsc --init')) save()

  // In a group of its own: npm starts Node as a child.
  /** @type {import('node:child_process').SpawnOptions} */
  const options = {
    cwd: folder,
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  }
  const server = spawn('sh', ['-c', `exec ${start}`], options)
  const ended = once(server, 'close')
  try {
    await timed(start, async () => {
      while (!(await isListening())) {
        if (server.exitCode !== null) throw new Error('The app has ended.')
        await delay(50)
      }
      return ''
    })
    shown.push('(in a second terminal, in the same folder)')
    for (const section of ['Send a form', 'Send a wrong one']) {
      for (const line of blocks(section, 'sh').flatMap(toLines)) {
        const output = await type(line)
        if (!line.startsWith('curl ')) continue
        shown.push(output.trim())
        const [answer = ''] = blocks(section, 'json')
        if (!isDeepStrictEqual(JSON.parse(output), JSON.parse(answer)))
          throw new Error(`${name}: $ ${line}\n${output}\nin place of ${answer}`)
      }
    }
  } finally {
    if (server.exitCode === null) process.kill(-Number(server.pid))
  }
  await ended
  return [seconds, shown]
}

async function isListening() {
  const socket = connect(3000, 'localhost')
  const isUp = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isUp
}

/** The block of a framework below a heading. @param {string} framework @param {string} heading @param {string} language */
function own(framework, heading, language) {
  const found = blocks(heading, language).find((code) => code.includes(`@formgate/${framework}`))
  if (found === undefined) throw new Error(`docs/start.md has nothing for ${framework} under "${heading}".`)
  return found
}

/** @param {string} heading @param {string} framework */
function commands(heading, framework) {
  return toLines(own(framework, heading, 'sh'))
}

/** The blocks below a heading. @param {string} heading @param {string} language @returns {string[]} */
function blocks(heading, language) {
  const [, section = ''] = page.split(`\n## ${heading}\n`)
  const [inside = ''] = section.split('\n## ')
  return [...inside.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(([, code]) =>
    String(code),
  )
}

/** @param {string} code */
function toLines(code) {
  return code.trim().split('\n')
}
