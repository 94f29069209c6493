/** The answers that clients get and should get. */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'

/** An answer as a client read it. */
export interface Answer {
  readonly status: number
  /** Its Content-Type. */
  readonly type: string
  /** Its body, read as JSON. */
  readonly body: unknown
}

/** The answer to a request whose body was read. In `data` a file is shown as `File` and its name. */
export function accepted(data: unknown, files: Record<string, object[]> = {}): Answer {
  return { status: 200, type: 'application/json; charset=utf-8', body: { data, files } }
}

/** How a file that arrived whole is shown. */
export function file(
  name: string,
  content: string | Uint8Array,
  { type = '', originalName = name }: { type?: string; originalName?: string } = {},
): object {
  const bytes = Buffer.from(content)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { name, originalName, type, size: bytes.length, sha256 }
}

/**
 * The answer to a request whose body was refused.
 *
 * @param texts parts of the detail and the hint
 */
export function refused(
  status: number,
  code: string,
  texts: { detail?: string; hint?: string } = {},
): Answer {
  const { detail, hint } = texts
  return {
    status,
    type: 'application/problem+json',
    body: expect.objectContaining({
      status,
      code,
      ...(detail !== undefined && { detail: expect.stringContaining(detail) }),
      ...(hint !== undefined && { hint: expect.stringContaining(hint) }),
    }),
  }
}

/** The boundaries that requests, curl, browsers and undici generate. */
const boundary = /\b[0-9a-f]{32}\b|-{24}[\w-]{16,}|-{4}WebKitFormBoundary\w{16}|-{4}formdata-undici-\d+/g

/** The answer with each generated boundary replaced by the same text. */
export function withoutBoundary(answer: Answer): Answer {
  return JSON.parse(JSON.stringify(answer).replaceAll(boundary, 'BOUNDARY')) as Answer
}
