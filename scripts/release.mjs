/**
 * Releases: `npm run release:version`, `release:check` and `release:publish`.
 *
 * - `version` gives all packages the next version and moves the notes of `.changeset` to CHANGELOG.md.
 * - `check` tries everything of a release but the publishing: the manifests, the first example of the README and the
 *   page for newcomers with the packed packages on each framework, and npm's dry run.
 * - `publish` sends to npm what npm does not have yet. In the release workflow npm knows the sender by OIDC and signs
 *   where the package was built, so that no token is kept.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { address, faultsOfManifests } from './manifests.mjs'
import { fail, root, run } from './run.mjs'
import { Tarballs } from './tarballs.mjs'

const command = process.argv[2]

if (command === 'version') version()
else if (command === 'check') publish(['--dry-run'])
else if (command === 'publish') {
  if (address.includes('.example'))
    fail(`The address in package.json is an example: ${address}. Write the real one, then: npm run manifests`)
  publish(['--provenance'])
} else fail('Say what to do: version, check or publish.')

function version() {
  const notes = readdirSync(`${root}.changeset`)
    .filter((name) => name.endsWith('.md'))
    .map((name) =>
      readFileSync(`${root}.changeset/${name}`, 'utf8')
        .replace(/^---\n.*?\n---\n/s, '')
        .trim(),
    )
  if (notes.length === 0) fail('There are no notes in .changeset. Write one: npm run changeset')
  must('npm', 'run', 'changeset', '--', 'version')

  const next = JSON.parse(readFileSync(`${root}packages/core/package.json`, 'utf8')).version
  const day = new Date().toISOString().slice(0, 10)
  const items = notes.map((note) => `- ${note.replaceAll('\n', '\n  ')}\n`).join('')
  const changelog = readFileSync(`${root}CHANGELOG.md`, 'utf8')
  const at = `${changelog}\n## `.indexOf('\n## ')
  writeFileSync(
    `${root}CHANGELOG.md`,
    `${changelog.slice(0, at).trimEnd()}\n\n## ${next} (${day})\n\n${items}${changelog.slice(at)}`,
  )
  console.log(`${next}: read CHANGELOG.md, commit, and push the tag v${next}.`)
}

/** @param {string[]} flags for npm */
function publish(flags) {
  const faults = faultsOfManifests()
  if (faults.length > 0) fail(`${faults.join('\n')}\nRun: npm run manifests`)
  must('node', 'scripts/test-matrix.mjs', 'express@5 zod@4', 'koa@3 zod@4', 'fastify@5 zod@4')
  must('node', 'scripts/newcomer.mjs')

  for (const tarball of new Tarballs('release').paths) {
    const [, name, version] = /formgate-(.*?)-(\d[^/]*)\.tgz$/.exec(tarball) ?? []
    if (isPublished(`@formgate/${name}@${version}`))
      console.log(`@formgate/${name}@${version} is published already.`)
    else must('npm', 'publish', tarball, '--access', 'public', ...flags)
  }
}

/** @param {string} release its name and version */
function isPublished(release) {
  return spawnSync('npm', ['view', release, 'version'], { encoding: 'utf8' }).stdout.trim() !== ''
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function must(program, ...args) {
  const status = run(program, ...args)
  if (status !== 0) process.exit(status)
}
