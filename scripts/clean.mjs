/** Removes the output of the build. */
import { readdirSync, rmSync } from 'node:fs'
import { root } from './run.mjs'

for (const entry of readdirSync(`${root}packages`, { withFileTypes: true })) {
  if (entry.isDirectory()) rmSync(`${root}packages/${entry.name}/dist`, { recursive: true, force: true })
}
