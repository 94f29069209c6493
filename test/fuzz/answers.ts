/** What a parser makes of one request, in words that can be compared. */

/** One part as a parser delivers it. Bytes are one character each. */
export interface Part {
  readonly name: string
  /** `undefined` for a field. */
  readonly filename?: string | undefined
  /** Of a field: its text. Of a file: its bytes. */
  readonly value: string
}

/** Parts, or why there are none. */
export type Answer =
  | { readonly kind: 'parts'; readonly parts: readonly Part[] }
  | { readonly kind: 'refusal'; readonly code: string; readonly detail: string }

export function refusal(code: string, detail = ''): Answer {
  return { kind: 'refusal', code, detail }
}
