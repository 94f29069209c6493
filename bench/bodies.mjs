/** The bodies that are measured. Every run sends the same bytes: random content is a keystream of a fixed key. */
import { createCipheriv } from 'node:crypto'

const boundary = '----WebKitFormBoundaryXk3nHp5CqmVYwDlz'
const KB = 1000
const MB = 1000 * KB
export const MiB = 1024 * 1024

/**
 * A body in chunks. Large files repeat one block, so that they are never in memory.
 *
 * @typedef {object} Body
 * @property {string} type its Content-Type
 * @property {readonly Buffer[]} pieces
 * @property {number} size bytes
 * @property {{ fields: number, files: number, bytes: number }} holds what a server must find in it
 */

/** @type {Record<string, () => Body>} */
const makers = {
  form: () => form(Object.entries(signUp).map(([name, value]) => field(name, value))),
  typed: () => typedBody(),
  avatar: () => form([...twoFields, file('avatar', 'avatar.png', [noise(20 * KB)])]),
  files100: () =>
    form(Array.from({ length: 100 }, (_, at) => file('files', `file-${at}.png`, [noise(1024)]))),
  fields1000: () => fieldsBody(1000),
  photo5m: () => form([...twoFields, file('photo', 'photo.jpg', cut(noise(MiB), 5 * MB))]),
  big256m: () => form([...twoFields, file('video', 'video.mp4', cut(noise(MiB), 256 * MiB))]),
  file64m: () => form([...twoFields, file('video', 'video.mp4', cut(noise(MiB), 64 * MiB))]),
  json1k: () => json(1 * KB),
  json100k: () => json(100 * KB),
  urlencoded: () => urlencoded(),
  crlfs: () => form([...twoFields, file('photo', 'photo.jpg', cut(filled('\r\n'), 5 * MB))]),
  almost: () =>
    form([...twoFields, file('photo', 'photo.jpg', cut(filled(`\r\n--${boundary.slice(0, -1)}`), 5 * MB))]),
}

/** The fields of the row `form`: 573 bytes as a browser sends them. */
const signUp = {
  name: 'Ada Lovelace',
  email: 'ada.lovelace@analytical-engine.example.org',
  age: '36',
  city: 'Marylebone',
  newsletter: 'on',
}

/** The fields of the row `typed`. */
const typedSignUp = {
  username: 'Grace',
  email: 'grace@example.org',
  age: '36',
  score: '9.5',
  agree: 'on',
  news: 'off',
  born: '1906-12-09',
  color: 'red',
  tags: 'navy',
  note: 'hi',
}

const twoFields = [field('title', 'A picture of the machine'), field('public', 'on')]

/** @returns {Body} */
export function body(name) {
  const [maker, count] = name.split(':')
  if (maker === 'fields') return fieldsBody(Number(count))
  if (maker === 'file') return form([file('file', 'file.bin', cut(noise(MiB), Number(count) * MB))])
  if (maker === 'upload') return uploadBody(Number(count))
  return makers[name]()
}

function fieldsBody(count) {
  return form(Array.from({ length: count }, (_, at) => field(`f${at}`, `v${at}`)))
}

function typedBody() {
  const body = form(Object.entries(typedSignUp).map(([name, value]) => field(name, value)))
  const typed = { age: 36, score: 9.5, agree: true, news: false, born: '1906-12-09T00:00:00.000Z', tags: 1 }
  return { ...body, holds: { ...body.holds, ...typed } }
}

/** One of many different files of 10 MB. */
function uploadBody(number) {
  const label = Buffer.from(String(number).padStart(16))
  return form([file('file', `${number}.bin`, [label, ...cut(noise(MiB), 10 * MB - label.length)])])
}

function field(name, value) {
  return { name, header: '', content: [Buffer.from(value)] }
}

function file(name, filename, content) {
  return {
    name,
    header: `; filename="${filename}"\r\nContent-Type: ${typeOf(filename)}`,
    content,
    isFile: true,
  }
}

function typeOf(filename) {
  if (filename.endsWith('.png')) return 'image/png'
  if (filename.endsWith('.jpg')) return 'image/jpeg'
  return filename.endsWith('.mp4') ? 'video/mp4' : 'application/octet-stream'
}

/** @returns {Body} */
function form(parts) {
  const pieces = parts.flatMap(({ name, header, content }) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${header}\r\n\r\n`),
    ...content,
    Buffer.from('\r\n'),
  ])
  pieces.push(Buffer.from(`--${boundary}--\r\n`))
  const files = parts.filter(({ isFile }) => isFile)
  const bytes = sizeOf(files.flatMap(({ content }) => content))
  const holds = { fields: parts.length - files.length, files: files.length, bytes }
  return { type: `multipart/form-data; boundary=${boundary}`, ...joined(pieces), holds }
}

/** Joins small chunks, so that a client sends few. */
function joined(pieces) {
  const size = sizeOf(pieces)
  return { pieces: size < MiB ? [Buffer.concat(pieces)] : pieces, size }
}

function json(size) {
  const orders = []
  const text = () => JSON.stringify({ customer: 'Ada Lovelace', paid: true, orders })
  while (text().length < size) {
    const id = orders.length
    orders.push({ id, sku: `sku-${id * 7919}`, count: id % 9, price: id * 1.25, tags: ['new', 'sale'] })
  }
  orders.pop()
  const pieces = [Buffer.from(text())]
  return { type: 'application/json', ...joined(pieces), holds: { fields: 3, files: 0, bytes: 0 } }
}

function urlencoded() {
  const fields = Array.from({ length: 7 }, (_, at) => [`field${at}`, `value of field ${at}`])
  const form = new URLSearchParams([
    ...fields,
    ['email', 'ada@example.org'],
    ['city', 'Zürich'],
    ['note', '100% & more'],
  ])
  const pieces = [Buffer.from(form.toString())]
  const type = 'application/x-www-form-urlencoded'
  return { type, ...joined(pieces), holds: { fields: 10, files: 0, bytes: 0 } }
}

/** Bytes without any part of a boundary. */
function noise(size) {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(size))
}

function filled(text) {
  return Buffer.alloc(MiB, text)
}

/** Repeats one block up to a number of bytes. */
function cut(block, size) {
  const whole = Array.from({ length: Math.floor(size / block.length) }, () => block)
  return [...whole, block.subarray(0, size % block.length)]
}

function sizeOf(pieces) {
  return pieces.reduce((size, piece) => size + piece.length, 0)
}
