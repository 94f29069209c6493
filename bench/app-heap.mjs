/**
 * What the rest of an app holds in memory, beside the server that is measured: small objects, as modules and caches have them.
 *
 * V8 decides by the size of the heap when it collects. In a heap of 8 to 11 MB, which is that of a server with nothing else
 * in it, a body of 256 MB brings about ten full collections, a quarter of all CPU; in one of 7 MB, or of 20, there is none.
 * A library that happens to lie on the better side of that line would win by its size alone, so all servers hold the same.
 *
 * @param {number} megabytes to hold
 */
export function appHeap(megabytes) {
  const held = []
  const size = () => process.memoryUsage().heapUsed
  const end = size() + megabytes * 2 ** 20
  while (size() < end) {
    for (let at = 0; at < 1000; at += 1) held.push({ at, name: `object ${held.length}`, tags: [] })
  }
  return held
}
