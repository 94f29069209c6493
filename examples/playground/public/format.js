/** Formats numbers for people. */

const units = ['B', 'KiB', 'MiB', 'GiB']

/** @param {number} bytes */
export function formatBytes(bytes) {
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1)
  const value = bytes / 1024 ** power
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`
}

/** @param {number} milliseconds */
export function formatTime(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}

/**
 * @param {number} count
 * @param {string} singular
 */
export function plural(count, singular) {
  return `${count} ${singular}${count === 1 ? '' : 's'}`
}
