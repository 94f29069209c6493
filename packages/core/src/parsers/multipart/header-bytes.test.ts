import { expect, test } from 'vitest'
import { HeaderBytes } from './scanner.js'

/** The header in these chunks and what stands behind it; `undefined` where it has no end. */
function gather(chunks: readonly string[]): [header: string, rest: string] | undefined {
  const header = new HeaderBytes()
  for (const [index, chunk] of chunks.entries()) {
    const next = header.add(Buffer.from(chunk, 'latin1'), 0)
    if (next !== undefined) return [header.text(), chunk.slice(next) + chunks.slice(index + 1).join('')]
  }
  return undefined
}

const bodies: readonly [body: string, result: [string, string] | undefined][] = [
  ['A: b\r\n\r\ncontent', ['A: b', 'content']],
  ['A: b\r\nC: d\r\n\r\n\r\n--X', ['A: b\r\nC: d', '\r\n--X']],
  ['A: b\r\n\r\n', ['A: b', '']],
  ['\r\ncontent', ['', 'content']],
  ['\r\n\r\ncontent', ['', '\r\ncontent']],
  ['A\r\r\n\r\ncontent', ['A\r', 'content']],
  ['A\r\n\r\r\n\r\nc', ['A\r\n\r', 'c']],
  ['\xff\x80\0: \xe9\r\n\r\nc', ['\xff\x80\0: \xe9', 'c']],
  ['A: b\r\n', undefined],
  ['A: b\n\nc', undefined],
  ['A: b\r\n\n\r\n', undefined],
  ['\r', undefined],
  ['\n\r\n', undefined],
]

test.each(bodies)('%j is gathered as %j, however it is cut', (body, result) => {
  expect(gather([body])).toEqual(result)
  expect(gather(body.split(''))).toEqual(result)
  for (let cut = 1; cut < body.length; cut += 1)
    expect(gather([body.slice(0, cut), body.slice(cut)])).toEqual(result)
})

test('a header that begins inside a chunk is gathered from there', () => {
  const header = new HeaderBytes()
  expect(header.add(Buffer.from('xxA: '), 2)).toBeUndefined()
  expect(header.size).toBe(3)
  expect(header.add(Buffer.from('b\r\n\r\nc'), 0)).toBe(5)
  expect(header.text()).toBe('A: b')
})

test('what was forgotten does not come back', () => {
  const header = new HeaderBytes()
  header.add(Buffer.from('A: b\r'), 0)
  header.clear()
  expect(header.size).toBe(0)
  expect(header.add(Buffer.from('\nC: d\r\n\r\n'), 0)).toBe(9)
  expect(header.text()).toBe('\nC: d')
})
