/** What a client gets, and what it should get. */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'

/** What a client made of an answer. */
export interface Answer {
  readonly status: number
  /** Its Content-Type. */
  readonly type: string
  /** Its body, read as JSON. */
  readonly body: unknown
}

/** The answer to a request whose body was read. In `data` a file stands as `File` and its name. */
export function accepted(data: unknown, files: Record<string, object[]> = {}): Answer {
  return { status: 200, type: 'application/json; charset=utf-8', body: { data, files } }
}

/** How a file that arrived whole is told back. */
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
 * @param texts what stands in the detail and in the hint
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

/** What requests, curl, browsers and undici make up for each form, and what an answer may quote. */
const boundary = /\b[0-9a-f]{32}\b|-{24}[\w-]{16,}|-{4}WebKitFormBoundary\w{16}|-{4}formdata-undici-\d+/g

/** An answer as it would be if every form had the same boundary. */
export function withoutBoundary(answer: Answer): Answer {
  return JSON.parse(JSON.stringify(answer).replaceAll(boundary, 'BOUNDARY')) as Answer
}
