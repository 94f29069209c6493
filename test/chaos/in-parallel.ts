/** Runs a function many times, several at once. */

/**
 * @param width how many at once
 * @param run gets the numbers from 0 to `count` - 1
 */
export async function inParallel<T>(
  count: number,
  width: number,
  run: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      results[index] = await run(index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, work))
  return results
}

/** How often each value occurs, the most frequent first: `3 × 500, 1 × 200`. */
export function tally(values: readonly (string | number)[]): string {
  const counts = new Map<string | number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([value, count]) => `${count} × ${value}`)
    .join(', ')
}
