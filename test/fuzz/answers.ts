/** The result of a parser for one request, in a form that can be compared. */

/** One part as a parser delivers it. Bytes are one character each. */
export interface Part {
  readonly name: string
  /** `undefined` for a field. */
  readonly filename?: string | undefined
  /** The text of a field, or the bytes of a file. */
  readonly value: string
}

/** Parts, or the reason why the body is refused. */
export type Answer =
  | { readonly kind: 'parts'; readonly parts: readonly Part[] }
  | { readonly kind: 'refusal'; readonly code: string; readonly detail: string }

export function refusal(code: string, detail = ''): Answer {
  return { kind: 'refusal', code, detail }
}
