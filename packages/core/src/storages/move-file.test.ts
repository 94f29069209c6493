import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { LocalFile } from './temp-file.js'
import { moveFile, renameNew } from './move-file.js'

/** Limits of the simulated file system: a test machine may have no second device, and none without links. */
const system = vi.hoisted(() => ({ isSplit: false, hasLinks: true, busy: '' }))

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const refuse = (code: string): never => {
    throw Object.assign(new Error(`${code}: simulated`), { code })
  }
  const inOneDirectory = (from: unknown, to: unknown): boolean =>
    dirname(String(from)) === dirname(String(to))
  return {
    ...real,
    link: async (from: string, to: string) => {
      if (!system.hasLinks) refuse('EPERM')
      if (system.isSplit && !inOneDirectory(from, to)) refuse('EXDEV')
      return real.link(from, to)
    },
    rename: async (from: string, to: string) => {
      if (system.isSplit && !inOneDirectory(from, to)) refuse('EXDEV')
      return real.rename(from, to)
    },
    unlink: async (path: string) => (path === system.busy ? refuse('EBUSY') : real.unlink(path)),
  }
})

let root = ''
let from = ''
let to = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'move-file-'))
})
afterAll(() => rm(root, { recursive: true }))
beforeEach(async () => {
  from = join(await mkdtemp(join(root, 'from-')), 'upload')
  to = join(await mkdtemp(join(root, 'to-')), 'photo.png')
  await writeFile(from, 'bytes', { mode: 0o600 })
})
afterEach(() => Object.assign(system, { isSplit: false, hasLinks: true, busy: '' }))

const files = (): string[] => [...readdirSync(dirname(from)), ...readdirSync(dirname(to))]
const upload = (): Promise<LocalFile> => LocalFile.at(from, 5)

describe.each([
  ['on one device', { isSplit: false, hasLinks: true }],
  ['without hard links', { isSplit: false, hasLinks: false }],
  ['across devices', { isSplit: true, hasLinks: true }],
  ['across devices, without hard links', { isSplit: true, hasLinks: false }],
])('a file that is moved %s', (_where, limits) => {
  beforeEach(() => Object.assign(system, limits))

  test('is only at its new path, and readable by its owner only', async () => {
    await moveFile(await upload(), to, false)
    expect(await readFile(to, 'utf8')).toBe('bytes')
    expect(files()).toEqual(['photo.png'])
    expect(statSync(to).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o600)
  })

  test('never overwrites another file by default', async () => {
    await writeFile(to, 'mine')
    await expect(moveFile(await upload(), to, false)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await readFile(to, 'utf8')).toBe('mine')
    expect(await readFile(from, 'utf8')).toBe('bytes')
    expect(files()).toEqual(['upload', 'photo.png'])
  })

  test('overwrites another file with overwrite: true', async () => {
    await writeFile(to, 'mine')
    await moveFile(await upload(), to, true)
    expect(await readFile(to, 'utf8')).toBe('bytes')
    expect(files()).toEqual(['photo.png'])
  })

  test('stays where it is if the target directory is missing', async () => {
    const nowhere = join(dirname(to), 'missing', 'photo.png')
    await expect(moveFile(await upload(), nowhere, false)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(files()).toEqual(['upload'])
  })

  test('is an error if it no longer exists, and leaves nothing at the target', async () => {
    const file = await upload()
    await rm(from)
    await expect(moveFile(file, to, false)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(files()).toEqual([])
  })
})

test('of two files moved to the same path at once, one is moved and the other stays', async () => {
  const other = `${from}2`
  await writeFile(other, 'other')
  const moves = await Promise.allSettled([renameNew(from, to), renameNew(other, to)])
  expect(moves.map((move) => move.status).toSorted()).toEqual(['fulfilled', 'rejected'])
  expect(files()).toHaveLength(2)
  expect(existsSync(to)).toBe(true)
})

test('a file whose old name cannot be removed keeps only that name', async () => {
  system.busy = from
  await expect(moveFile(await upload(), to, false)).rejects.toMatchObject({ code: 'EBUSY' })
  expect(files()).toEqual(['upload'])
})

test('a file that was copied to another device counts as moved even if the original cannot be removed', async () => {
  Object.assign(system, { isSplit: true, busy: from })
  const warning = new Promise<Error>((resolve) => process.once('warning', resolve))
  await moveFile(await upload(), to, false)
  expect(await readFile(to, 'utf8')).toBe('bytes')
  expect(await warning).toMatchObject({ name: 'FormgateWarning', code: 'FORMGATE_LEFTOVER' })
})
