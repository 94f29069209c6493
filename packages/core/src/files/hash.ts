/** The inspector that takes the digest of each file. */
import { createHash } from 'node:crypto'
import type { Inspector } from './inspection.js'

/**
 * Fills `hash` of every `UploadedFile`, in hexadecimal, while the file is stored.
 *
 * @param algorithm one that Node's `createHash` knows: `sha256` (default), `sha1`, `md5`, `sha512`, `blake2b512`
 * @throws TypeError for any other
 */
export function hash(algorithm = 'sha256'): Inspector {
  if (!isHash(algorithm)) {
    throw new TypeError(
      `${JSON.stringify(algorithm)} is no hash of this Node. See crypto.getHashes(): sha256, sha512, md5 and more.`,
    )
  }
  return function hash() {
    const digest = createHash(algorithm)
    return {
      chunk: (bytes) => void digest.update(bytes),
      keepsBytes: false,
      end: () => ({ hash: digest.digest('hex') }),
    }
  }
}

function isHash(algorithm: string): boolean {
  try {
    createHash(algorithm)
    return true
  } catch {
    return false
  }
}
