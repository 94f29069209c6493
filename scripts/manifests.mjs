/**
 * What every manifest says alike. The root's package.json holds the public address once; `npm run manifests` writes it
 * into the packages, and the check of the packages compares.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { argv } from 'node:process'
import { pathToFileURL } from 'node:url'
import { root } from './run.mjs'

const { homepage, repository, bugs } = read(`${root}package.json`)

/** Where the source is. */
export const address = repository.url

/**
 * How the manifests of the packages differ from the root's.
 * @returns {string[]} a line for each
 */
export function faultsOfManifests() {
  const versions = new Set(paths().map(({ file }) => read(file).version))
  return [
    ...paths()
      .filter(({ file, shared }) =>
        Object.entries(shared).some(
          ([key, value]) => JSON.stringify(read(file)[key]) !== JSON.stringify(value),
        ),
      )
      .map(({ file }) => `${file} has another homepage, repository or bugs than package.json.`),
    ...(versions.size > 1 ? [`The packages have several versions: ${[...versions].join(', ')}.`] : []),
  ]
}

function paths() {
  return readdirSync(`${root}packages`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({
      file: `${root}packages/${name}/package.json`,
      shared: { homepage, bugs, repository: { ...repository, directory: `packages/${name}` } },
    }))
}

/** @param {string} file */
function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

if (import.meta.url === pathToFileURL(String(argv[1])).href) {
  for (const { file, shared } of paths())
    writeFileSync(file, `${JSON.stringify({ ...read(file), ...shared }, undefined, 2)}\n`)
}
