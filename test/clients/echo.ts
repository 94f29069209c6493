/** Common parts of the echo apps on all frameworks. */
import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { MultiPartParser, UploadedFile, spool, type FilesByField, type MountOptions } from '@formgate/core'
import { page } from './page.js'

/** Small enough to exceed quickly, but larger than a file that stays in memory. */
export const fileSize = 1024 * 1024
const memoryThreshold = 64 * 1024

/** For pages that are not in UTF-8. */
export const legacyForms = new MultiPartParser({ charsetField: true })

/** @param directory for files that do not stay in memory */
export function mountOptions(directory: string): MountOptions {
  return { limits: { fileSize }, storage: spool({ directory, threshold: memoryThreshold }) }
}

/** What the app answers: the data, in which files are shown by name, and the files in full. */
export async function echo(body: { data: unknown; files: FilesByField }): Promise<object> {
  const described = Object.entries(body.files).map(
    async ([field, list]) => [field, await Promise.all(list.map(describeFile))] as const,
  )
  const files = Object.fromEntries(await Promise.all(described))
  return { data: nameFiles(body.data), files }
}

async function describeFile(file: UploadedFile): Promise<object> {
  const hash = createHash('sha256')
  await pipeline(file.createReadStream(), hash)
  const { name, originalName, type, size } = file
  return { name, originalName, type, size, sha256: hash.digest('hex') }
}

function nameFiles(value: unknown): unknown {
  if (value instanceof UploadedFile) return `File ${value.name}`
  if (Array.isArray(value)) return value.map(nameFiles)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, nameFiles(each)]))
}

/** The page with the forms, as UTF-8 and as Latin-1. */
export const pages = {
  '/': { type: 'text/html; charset=utf-8', bytes: Buffer.from(page('/echo')) },
  '/latin1.html': { type: 'text/html; charset=iso-8859-1', bytes: Buffer.from(page('/latin1'), 'latin1') },
} as const
