/** Removes what the build wrote, so that the next one starts from the sources alone. */
import { readdirSync, rmSync } from 'node:fs'
import { root } from './run.mjs'

for (const name of readdirSync(`${root}packages`)) {
  rmSync(`${root}packages/${name}/dist`, { recursive: true, force: true })
}
