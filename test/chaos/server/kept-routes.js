/** The routes of an app that keeps its files and is killed while it stores them. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** Milliseconds; the files of a killed process are older when the next one starts. */
const sweepAge = 250

/**
 * @param {import('./apps.js').Gate} gate
 * @param {import('./apps.js').Place} place
 * @returns {import('./apps.js').Route[]}
 */
export function routes(gate, { directory }) {
  const kept = join(directory, 'kept')
  mkdirSync(kept, { recursive: true })
  const disk = gate.disk({ directory, sweepAge })
  const named = gate.disk({ directory, sweepAge, name: (info) => `named/${info.name}` })
  const spool = gate.spool({ directory, sweepAge, threshold: 1000 })
  /** @param {import('./apps.js').Handling} handling */
  const keep = ({ files }) => Object.values(files).flatMap((list) => list.map((file) => file.keep().path))
  return [
    { path: '/disk', own: gate.parsers([gate.MultiPartParser], { storage: disk }), handler: keep },
    { path: '/named', own: gate.parsers([gate.MultiPartParser], { storage: named }), handler: keep },
    {
      path: '/spool',
      own: gate.parsers([gate.MultiPartParser], { storage: spool }),
      handler: async ({ files }) => {
        const paths = []
        for (const file of Object.values(files).flat()) {
          const moved = await file.moveTo(join(kept, file.name))
          paths.push(moved.path)
        }
        return paths
      },
    },
  ]
}
