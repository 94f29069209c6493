/** Kills processes while they store files, and checks the next process. */
import { createHash, randomFillSync } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Connection, head, multipartX } from '../../adapters/client.js'
import { Random } from '../../fuzz/random.js'
import type { Row } from '../row.js'
import { ServerProcess, type FrameworkName } from '../server-process.js'

/** Milliseconds after which the next process removes a part file; see server/kept-routes.js. */
const sweepAge = 250

/** Milliseconds for the sweep of a new process. */
const patience = 60_000

const paths = ['/disk', '/named', '/spool']
const digestLength = 32

/** How many uploads are running when the process is killed. */
const width = 8

/**
 * Kills a process at random moments and checks its directory each time.
 *
 * Each file ends with the SHA-256 of its content, which shows whether a file that is not a part file is whole.
 */
export async function killOften(
  framework: FrameworkName,
  directory: string,
  count: number,
  seed: number,
): Promise<Row> {
  const started = performance.now()
  const broken: string[] = []
  const seen = { whole: 0, parts: 0, acknowledged: 0 }
  for (let index = 0; index <= count; index += 1) {
    const server = await ServerProcess.start(framework, 'kept', directory)
    try {
      broken.push(...(await sweepOf(server)))
      const files = filesIn(directory)
      broken.push(...files.filter((path) => !isWhole(path)).map((path) => `not whole: ${path}`))
      seen.whole += files.length
      for (const path of files) rmSync(path)
      if (index === count) break
      const acknowledged = await killAmidUploads(server, new Random(seed + index))
      seen.acknowledged += acknowledged.length
      broken.push(
        ...acknowledged.filter((path) => !existsSync(path)).map((path) => `answered, but missing: ${path}`),
      )
      seen.parts += partsIn(directory).length
    } finally {
      await server.kill()
    }
    // So that the next process removes what is left.
    await delay(sweepAge)
  }
  if (count >= 20 && seen.parts === 0) broken.push('no process was killed while it wrote a file')
  return {
    kind: 'SIGKILLs',
    framework,
    tried: count,
    seen: `${seen.parts} temporary files left and swept; ${seen.whole} files kept, all whole, ${seen.acknowledged} of them acknowledged`,
    broken,
    seconds: (performance.now() - started) / 1000,
  }
}

/** Waits for the sweep, which the first file of each storage starts. */
async function sweepOf(server: ServerProcess): Promise<string[]> {
  const before = new Set(partsIn(server.directory))
  for (const path of paths) await upload(server.port, path, new Random(0))
  const end = performance.now() + patience
  for (;;) {
    const left = partsIn(server.directory).filter((name) => before.has(name))
    if (left.length === 0) return []
    if (performance.now() > end) return left.map((name) => `not swept: ${name}`)
    await delay(20)
  }
}

/** @returns the paths of the files that were answered before the kill */
async function killAmidUploads(server: ServerProcess, random: Random): Promise<string[]> {
  const acknowledged: string[] = []
  const uploads = Array.from({ length: width }, async (_, index) => {
    const own = new Random(random.below(2 ** 31))
    // In sequence until the process ends.
    while (server.isAlive)
      acknowledged.push(...(await upload(server.port, paths[index % paths.length]!, own)))
  })
  const ends = Promise.allSettled(uploads)
  await delay(5 + random.below(100))
  await server.kill()
  await ends
  return acknowledged
}

/** @returns the path of the file that the handler reports */
async function upload(port: number, path: string, random: Random): Promise<string[]> {
  const payload = randomFillSync(Buffer.alloc(2000 + random.below(random.pick([20_000, 500_000, 4_000_000]))))
  const name = `${createHash('sha256').update(payload).digest('hex')}.bin`
  const body = Buffer.concat([
    Buffer.from(`--X\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\n\r\n`),
    payload,
    createHash('sha256').update(payload).digest(),
    Buffer.from('\r\n--X--\r\n'),
  ])
  const connection = await Connection.open(port)
  try {
    const answer = await connection
      .write(head({ path, type: multipartX, body }))
      .write(body)
      .answer()
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`)
    return answer.json as string[]
  } finally {
    connection.destroy()
  }
}

function isWhole(path: string): boolean {
  const bytes = readFileSync(path)
  const payload = bytes.subarray(0, -digestLength)
  return createHash('sha256').update(payload).digest().equals(bytes.subarray(-digestLength))
}

function partsIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.part'))
}

/** The paths of all files but temporary files. */
function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.part'))
    .map((entry) => join(entry.parentPath, entry.name))
}
