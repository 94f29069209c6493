/** Percent-encoding, as in URL-encoded forms and in the extended parameters of headers. */

/** The bytes that a percent-encoded text stands for; a `%` without two hexadecimal digits stands for itself. */
export function percentDecode(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  let size = bytes.indexOf(percent)
  if (size === -1) return bytes
  // In place: what has been decoded is never longer than what it was decoded from.
  for (let at = size; at < bytes.length; at += 1) {
    let byte = bytes[at]!
    if (byte === percent && at + 2 < bytes.length) {
      const value = (hexValue(bytes[at + 1]!) << 4) | hexValue(bytes[at + 2]!)
      if (value >= 0) {
        byte = value
        at += 2
      }
    }
    bytes[size++] = byte
  }
  return bytes.subarray(0, size)
}

const percent = 0x25

/** The value of a hexadecimal digit; -1 if the byte is another character. */
function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  // Lower case.
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
