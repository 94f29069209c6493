import { resolveObjectURL } from 'node:buffer'
import { createServer } from 'node:http'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { LocalFile, StorageDirectory } from '../storages/temp-file.js'
import { MemoryFile } from '../storages/memory.js'
import type { ByteRange, FileDescription, StoredFile } from '../storages/storage.js'
import { UploadedFile } from './uploaded-file.js'

const text = 'Grüße, 世界. '.repeat(30_000)
const bytes = Buffer.from(text)
const info: FileDescription = {
  field: 'letter',
  name: 'letter.txt',
  originalName: 'C:\\post\\letter.txt',
  type: 'text/plain',
  headers: { 'content-type': 'text/plain; charset=utf-8' },
}

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'uploaded-file-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function inDirectory(content: string | Buffer = bytes): Promise<UploadedFile> {
  const path = join(await mkdtemp(join(directory, 'file-')), 'stored')
  await writeFile(path, content, { mode: 0o600 })
  return new UploadedFile(await LocalFile.at(path, Buffer.byteLength(content)), info)
}

async function inMemory(content: string | Buffer = bytes): Promise<UploadedFile> {
  const whole = Buffer.from(content)
  const chunks = [whole.subarray(0, 100_001), whole.subarray(100_001)]
  return new UploadedFile(new MemoryFile(chunks), info)
}

/** A file as in an object store: without a path and without a native Blob. */
async function elsewhere(content: string | Buffer = bytes): Promise<UploadedFile> {
  const whole = Buffer.from(content)
  const stored: StoredFile = {
    size: whole.length,
    createReadStream: ({ start = 0, end = Infinity }: ByteRange = {}) =>
      Readable.from([whole.subarray(start, end + 1)], { objectMode: false }),
    remove: async () => undefined,
  }
  return new UploadedFile(stored, info)
}

const everywhere = [
  { where: 'in memory', make: inMemory },
  { where: 'on disk', make: inDirectory },
  { where: 'elsewhere', make: elsewhere },
]

/** The paths below `directory` that this process holds open; empty on systems without /proc. */
function openFiles(): string[] {
  if (!existsSync('/proc/self/fd')) return []
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(directory) ? [target] : []
    } catch {
      return []
    }
  })
}

describe.each(everywhere)('an uploaded file $where', ({ make }) => {
  test('is a File with the name, size and type of the upload', async () => {
    const file = await make()
    expect(file).toBeInstanceOf(File)
    expect(file).toBeInstanceOf(Blob)
    expect(Object.prototype.toString.call(file)).toBe('[object File]')
    expect(file).toMatchObject({
      name: 'letter.txt',
      size: bytes.length,
      type: 'text/plain',
      field: 'letter',
    })
    expect(file.originalName).toBe('C:\\post\\letter.txt')
    expect(file.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(Math.abs(Date.now() - file.lastModified)).toBeLessThan(60_000)
  })

  test('can be read in every way that a File can', async () => {
    const file = await make()
    expect(await file.text()).toBe(text)
    expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true)
    expect(bytes.equals(await file.bytes())).toBe(true)
    expect((await buffer(file.stream())).equals(bytes)).toBe(true)
    expect((await buffer(file.createReadStream())).equals(bytes)).toBe(true)
    expect((await buffer(file.createReadStream({ start: 5, end: 9 }))).equals(bytes.subarray(5, 10))).toBe(
      true,
    )
  })

  test('can be read by a reader that brings its own buffer', async () => {
    const file = await make()
    const reader = file.stream().getReader({ mode: 'byob' })
    const read: Uint8Array[] = []
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(10_000))
      if (done) break
      read.push(value)
    }
    expect(Buffer.concat(read).equals(bytes)).toBe(true)
    // A byte stream detaches buffers: the stored ones must stay.
    expect(await file.text()).toBe(text)
  })

  test('has a text() without a byte order mark, as a File has', async () => {
    expect(await (await make('\ufeffabc')).text()).toBe('abc')
  })

  test('may be empty', async () => {
    const file = await make('')
    expect(file.size).toBe(0)
    expect(await file.text()).toBe('')
    expect((await buffer(file.stream())).length).toBe(0)
    expect(await file.slice(0, 10).text()).toBe('')
    expect(await new Response(file).text()).toBe('')
  })

  test('is sliced like a native Blob, and so are its slices', async () => {
    const file = await make('0123456789')
    const native = new Blob(['0123456789'])
    const ranges: [number?, number?][] = [[], [3], [3, 5], [-4], [-4, -2], [5, 3], [8, 99], [99], [-99, 2]]
    for (const [start, end] of ranges) {
      const slice = file.slice(start, end)
      const expected = native.slice(start, end)
      expect(slice).toBeInstanceOf(Blob)
      expect(slice).not.toBeInstanceOf(File)
      expect(slice.size).toBe(expected.size)
      expect(await slice.text()).toBe(await expected.text())
      expect(await slice.slice(1, -1).text()).toBe(await expected.slice(1, -1).text())
    }
    expect(await file.slice(1.9, 3.9).text()).toBe('12')
    expect(file.slice(NaN, NaN).size).toBe(0)
    expect(file.slice(0, 1, 'Text/HTML').type).toBe('text/html')
    expect(file.slice(0, 1).type).toBe('')
  })

  test('passes the file checks of zod', async () => {
    const file = await make()
    const schema = z.file().max(bytes.length).mime('text/plain')
    expect(schema.parse(file)).toBe(file)
    expect(
      z
        .file()
        .max(bytes.length - 1)
        .safeParse(file).success,
    ).toBe(false)
    expect(z.file().mime('image/png').safeParse(file).success).toBe(false)
  })

  test('can be the body of a Response and of a Request', async () => {
    const file = await make()
    const response = new Response(file)
    expect(response.headers.get('content-type')).toBe('text/plain')
    expect(await response.text()).toBe(text)
    const request = new Request('http://localhost/', { method: 'POST', body: file })
    expect(await request.clone().text()).toBe(text)
    expect(await request.text()).toBe(text)
  })

  test('can be sent in a FormData', async () => {
    const form = new FormData()
    form.append('letter', await make())
    // oxlint-disable-next-line typescript/no-deprecated -- discouraged for servers; here it is what a client would see
    const back = await new Response(form).formData()
    const letter = back.get('letter')
    expect(letter).toBeInstanceOf(File)
    expect(letter).toMatchObject({ name: 'letter.txt', type: 'text/plain', size: bytes.length })
    expect(letter instanceof File && (await letter.text())).toBe(text)
  })

  test('is sent by fetch with its length', async () => {
    const received: { length: string | undefined; body: Buffer }[] = []
    const server = createServer((req, res) => {
      void buffer(req).then((body) => {
        received.push({ length: req.headers['content-length'], body })
        res.end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    await fetch(`http://localhost:${port}/`, { method: 'POST', body: await make() })
    const form = new FormData()
    form.append('letter', await make())
    await fetch(`http://localhost:${port}/`, { method: 'POST', body: form })
    server.close()
    expect(received[0]?.length).toBe(String(bytes.length))
    expect(received[0]?.body.equals(bytes)).toBe(true)
    expect(received[1]?.length).toBe(String(received[1]?.body.length))
    expect(received[1]?.body.includes(bytes)).toBe(true)
  })

  test('shows neither path nor bytes as JSON, and its state when it is logged', async () => {
    const file = await make('abc')
    expect(JSON.parse(JSON.stringify({ file }))).toEqual({
      file: {
        field: 'letter',
        name: 'letter.txt',
        originalName: 'C:\\post\\letter.txt',
        type: 'text/plain',
        size: 3,
      },
    })
    expect(Object.keys(file)).toEqual([])
    expect(inspect(file)).toMatch(/^UploadedFile \{/)
    expect(inspect(file)).toContain("name: 'letter.txt'")
    await file.remove()
    expect(inspect(file)).toMatch(/^UploadedFile \(removed\) \{/)
  })

  test('can be moved, and is then read through the new file only', async () => {
    const file = await make()
    const target = join(await mkdtemp(join(directory, 'target-')), 'moved.txt')
    const moved = await file.moveTo(target)
    expect(await readFile(target, 'utf8')).toBe(text)
    expect(moved).toMatchObject({
      path: target,
      name: 'letter.txt',
      field: 'letter',
      size: bytes.length,
      kept: true,
    })
    expect(await moved.text()).toBe(text)
    expect((await stat(target)).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o600)
    await expect(file.text()).rejects.toThrow(
      'The file "letter.txt" was moved. Use the file that moveTo() returned.',
    )
    expect(() => file.createReadStream()).toThrow('Use the file that moveTo() returned')
    expect(() => file.stream()).toThrow('was moved')
    await expect(file.slice(0, 1).text()).rejects.toThrow('was moved')
    await expect(file.moveTo(`${target}2`)).rejects.toThrow('was moved')
    await file.remove()
    expect(existsSync(target)).toBe(true)
    await moved.remove()
    expect(existsSync(target)).toBe(false)
  })

  test('overwrites another file only with overwrite: true', async () => {
    const file = await make()
    const folder = await mkdtemp(join(directory, 'target-'))
    const target = join(folder, 'taken.txt')
    await writeFile(target, 'mine')
    await expect(file.moveTo(target)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await readFile(target, 'utf8')).toBe('mine')
    expect(await file.text()).toBe(text)
    await file.moveTo(target, { overwrite: true })
    expect(await readFile(target, 'utf8')).toBe(text)
    expect(readdirSync(folder)).toEqual(['taken.txt'])
  })

  test('stays where it is if the target directory is missing', async () => {
    const file = await make()
    const missing = join(directory, 'missing', 'a.txt')
    await expect(file.moveTo(missing)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(file.moveTo(missing, { overwrite: true })).rejects.toMatchObject({ code: 'ENOENT' })
    expect(existsSync(join(directory, 'missing'))).toBe(false)
    expect(await file.text()).toBe(text)
  })

  test('is moved once when two moves start at once', async () => {
    const file = await make()
    const folder = await mkdtemp(join(directory, 'target-'))
    const first = file.moveTo(join(folder, 'a'))
    await expect(file.moveTo(join(folder, 'b'))).rejects.toThrow('is already being moved')
    await first
    expect(readdirSync(folder)).toEqual(['a'])
  })

  test('survives a removal during a move', async () => {
    const file = await make()
    const target = join(await mkdtemp(join(directory, 'target-')), 'moved.txt')
    const [moved] = await Promise.all([file.moveTo(target), file.remove()])
    expect(await moved.text()).toBe(text)
  })

  test('is removed by a removal during a move that fails', async () => {
    const file = await make()
    const move = file.moveTo(join(directory, 'missing', 'a.txt'))
    const removal = file.remove()
    await expect(move).rejects.toMatchObject({ code: 'ENOENT' })
    await removal
    await expect(file.text()).rejects.toThrow('was removed')
  })

  test('can be removed twice', async () => {
    const file = await make()
    await Promise.all([file.remove(), file.remove()])
    await file.remove()
    expect(file.path === undefined || !existsSync(file.path)).toBe(true)
    await expect(file.text()).rejects.toThrow('call keep() or moveTo() before')
    expect(() => file.keep()).toThrow('was removed')
  })

  test('is kept by keep(), which returns the file itself', async () => {
    const file = await make()
    expect(file.kept).toBe(false)
    expect(file.keep()).toBe(file)
    expect(file.kept).toBe(true)
  })

  test('can be removed while it is read, and the reader gets all of it', async () => {
    const file = await make()
    const stream: AsyncIterable<Uint8Array> = file.createReadStream()
    const chunks = stream[Symbol.asyncIterator]()
    const read: Uint8Array[] = []
    read.push((await chunks.next()).value)
    await file.remove()
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) read.push(next.value)
    expect(Buffer.concat(read).equals(bytes)).toBe(true)
  })

  test('leaves no descriptor open, even if it is not read to its end', async () => {
    const file = await make()
    await file.arrayBuffer()
    const left = file.stream().getReader()
    await left.read()
    await left.cancel()
    for await (const _chunk of file.stream()) break
    await new Response(file).body?.cancel()
    await expect.poll(openFiles).toEqual([])
  })
})

describe.each(everywhere.slice(0, 2))('an uploaded file $where', ({ make }) => {
  test('has a path for code that takes no bytes', async () => {
    const file = await make()
    const slice = file.slice(0, 3)
    const path = await file.toPath()
    expect(await readFile(path, 'utf8')).toBe(text)
    expect((await stat(path)).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o600)
    expect([file.path, await file.toPath()]).toEqual([path, path])
    expect([await file.text(), await new Blob([file]).text()]).toEqual([text, text])
    expect(new Uint8Array(await slice.arrayBuffer())).toEqual(new Uint8Array(bytes.subarray(0, 3)))
    await file.remove()
    expect(existsSync(path)).toBe(false)
    await expect(file.toPath()).rejects.toThrow('was removed')
  })

  test('has one path, however often it is asked for', async () => {
    const file = await make()
    const [first, second] = await Promise.all([file.toPath(), file.toPath()])
    expect(first).toBe(second)
    await file.remove()
  })

  test('leaves nothing behind if it is removed while its path is made', async () => {
    const file = await make()
    const [path] = await Promise.all([file.toPath(), file.remove()])
    expect(existsSync(path)).toBe(false)
  })

  test('can be moved while its path is made, and after', async () => {
    const [during, after] = [await make(), await make()]
    const folder = await mkdtemp(join(directory, 'target-'))
    const [path] = await Promise.all([during.toPath(), during.moveTo(join(folder, 'a'))])
    expect(existsSync(path)).toBe(false)
    const later = await after.toPath()
    await after.moveTo(join(folder, 'b'))
    expect(existsSync(later)).toBe(false)
    for (const name of ['a', 'b']) expect(await readFile(join(folder, name), 'utf8')).toBe(text)
    await expect(after.toPath()).rejects.toThrow('Use the file that moveTo() returned.')
  })

  test('keeps its bytes in a native Blob or File made of it', async () => {
    const file = await make()
    expect(await new Blob([file]).text()).toBe(text)
    const renamed = new File([file, '!'], 'other.txt')
    expect(renamed.size).toBe(bytes.length + 1)
    expect(await renamed.text()).toBe(`${text}!`)
    expect(
      Buffer.from(await new Blob([file.slice(3, 200_000)]).arrayBuffer()).equals(bytes.subarray(3, 200_000)),
    ).toBe(true)
  })

  test('keeps its bytes in a FormData under another file name', async () => {
    const form = new FormData()
    form.append('letter', await make(), 'other.txt')
    const entry = form.get('letter')
    expect(entry).toMatchObject({ name: 'other.txt', type: 'text/plain', size: bytes.length })
    expect(entry instanceof File && (await entry.text())).toBe(text)
    form.append('part', (await make()).slice(0, 3))
    const part = form.get('part')
    expect(part instanceof File && (await part.text())).toBe('Gr\ufffd')
  })

  test('has an object URL', async () => {
    const url = URL.createObjectURL(await make())
    expect(await resolveObjectURL(url)?.text()).toBe(text)
    URL.revokeObjectURL(url)
  })
})

test('asking for the path of a file in an object store is an error that says what to do', async () => {
  const file = await elsewhere()
  await expect(file.toPath()).rejects.toThrow(
    'The file "letter.txt" has no path: its storage does not keep it on this machine. Read it with ' +
      'createReadStream() or arrayBuffer(), or download it with moveTo().',
  )
  expect(await file.text()).toBe(text)
})

test('a file whose path could not be made stays in memory, and the next attempt may succeed', async () => {
  const place = new StorageDirectory({ directory: join(directory, 'late') })
  await writeFile(join(directory, 'late'), '')
  const file = new UploadedFile(new MemoryFile([bytes], place), info)
  await expect(file.toPath()).rejects.toMatchObject({ code: 'EEXIST' })
  expect(await file.text()).toBe(text)
  await rm(join(directory, 'late'))
  expect(await readFile(await file.toPath(), 'utf8')).toBe(text)
})

test('a file for a test of a handler is made of its bytes and its name', async () => {
  const file = UploadedFile.of('abc', { name: 'a.txt' })
  expect(file.toJSON()).toEqual({ field: 'file', name: 'a.txt', type: '', size: 3 })
  expect(await readFile(await file.toPath(), 'utf8')).toBe('abc')
  await file.remove()
  const photo = UploadedFile.of(bytes, { ...info, field: 'photo' }, { hash: 'ba7816bf' })
  expect(photo.toJSON()).toMatchObject({ field: 'photo', type: 'text/plain', hash: 'ba7816bf' })
  expect(z.file().max(bytes.length).parse(photo)).toBe(photo)
  expect(await photo.text()).toBe(text)
})

test('making a native Blob of a file in an object store is an error', async () => {
  const file = await elsewhere()
  expect(() => new Blob([file])).toThrow(
    'Cannot make a native Blob of the file "letter.txt". Use file.stream() instead.',
  )
})

test('an uploaded file of 5 GiB has its true size, and its last bytes can be read', async () => {
  const size = 5 * 2 ** 30
  const path = join(directory, 'sparse')
  await writeFile(path, '')
  await truncate(path, size)
  const file = new UploadedFile(await LocalFile.at(path, size), info)
  expect(file.size).toBe(size)
  expect(
    z
      .file()
      .max(2 ** 32)
      .safeParse(file).success,
  ).toBe(false)
  expect(new Uint8Array(await file.slice(-3).arrayBuffer())).toEqual(new Uint8Array(3))
  expect(file.slice(2 ** 32).size).toBe(2 ** 30)
  expect(() => new Blob([file])).toThrow('Cannot make a native Blob')
  await file.remove()
})

test('an uploaded file that another program has truncated is an error, not a short file', async () => {
  const file = await inDirectory()
  await truncate(file.path ?? '', 10)
  await expect(file.arrayBuffer()).rejects.toThrow('its size has changed')
})

test('removing a file that another program has removed succeeds', async () => {
  const file = await inDirectory()
  await rm(file.path ?? '')
  await file.remove()
  await expect(file.text()).rejects.toThrow('was removed')
})

test('a removal that fails can be tried again', async () => {
  const file = await inDirectory()
  const path = file.path ?? ''
  await rm(path)
  // A directory cannot be unlinked, not even by root.
  await mkdir(path)
  await expect(file.remove()).rejects.toThrow(/EISDIR|EPERM/)
  await rm(path, { recursive: true })
  await writeFile(path, bytes)
  await file.remove()
  expect(existsSync(path)).toBe(false)
})

test('the findings of an uploaded file are shown as JSON, and kept when it is moved', async () => {
  const stored = new MemoryFile([Buffer.from('abc')])
  const findings = { hash: 'ba7816bf', detectedType: 'image/png' }
  const file = new UploadedFile(stored, { ...info, originalName: info.name }, findings)
  const expected = { field: 'letter', name: 'letter.txt', type: 'text/plain', size: 3, ...findings }
  expect(JSON.parse(JSON.stringify(file))).toEqual(expected)
  const moved = await file.moveTo(join(directory, 'found.txt'))
  expect(moved.toJSON()).toEqual(expected)
})
