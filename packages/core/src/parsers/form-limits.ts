/** The limits on the fields and files of one request. */
import { BodyError, type FieldIssue } from '../errors.js'
import { counted } from '../http/shown-text.js'
import type { Limits } from '../limits.js'
import { JsonMeter } from './json-values.js'

/** What a schema says about files, for parsers to apply while the files arrive. */
export interface FileRules {
  /** Whether an unknown name makes the whole form invalid. */
  readonly strict: boolean
  /**
   * The rule for a field; `undefined` for an unknown name, whose files must not be stored.
   *
   * @throws BodyError `LIMIT_NESTING`
   */
  find(name: string): FileRule | undefined
}

/** What a schema says about the files of one field. */
export interface FileRule {
  readonly kind: 'file' | 'value' | 'either'
  /** The list whose files `maxCount` limits. Several names may lead to one list. */
  readonly list: string
  /** Bytes of one file, in place of `limits.fileSize`. */
  readonly maxSize?: number | undefined
  /**
   * The issue that the schema has with a larger file. Absent if `maxSize` is a limit that was set.
   *
   * @param size bytes
   * @param at the place of the file in its list, from 0
   */
  readonly tooLarge?: ((size: number, at: number) => readonly FieldIssue[]) | undefined
  /** Files in the list. */
  readonly maxCount?: number | undefined
  /** Media types, ranges and file extensions, in lower case. */
  readonly types?: readonly string[] | undefined
  /** Whether the schema accepts a file of this name and declared type. */
  accepts(file: { readonly name: string; readonly type: string }): boolean
}

function tooMany(unit: 'field' | 'file' | 'part', limit: number, field?: string): BodyError {
  const codes = { field: 'LIMIT_FIELDS', file: 'LIMIT_FILES', part: 'LIMIT_PARTS' } as const
  return new BodyError(codes[unit], {
    detail: `The form has more than ${counted(limit, unit)}.`,
    field,
    limit,
  })
}

/** Counts the fields of one request, whichever parsers read them. */
export class FieldLimits {
  readonly #limits: Limits
  /** Those of the form that is no value of another: they count the fields of all. */
  readonly #outermost: FieldLimits
  #fields = 0
  #bytes = 0

  /** @param around the limits of the form in which this form is the value of a field */
  constructor(limits: Limits, around?: FieldLimits) {
    this.#limits = limits
    this.#outermost = around === undefined ? this : around.#outermost
  }

  /** Counts a field. @throws BodyError `LIMIT_FIELD_NAME`, `LIMIT_FIELDS` or `LIMIT_FIELD_SIZE` */
  begin(name: string): void {
    const size = this.checkName(name)
    const { fields } = this.#limits
    if (++this.#outermost.#fields > fields) throw tooMany('field', fields)
    this.#addBytes(size)
  }

  /**
   * Counts `size` more bytes of a value, which now has `total`.
   *
   * @throws BodyError `LIMIT_FIELD_SIZE`, for this value or for all of them
   */
  add(name: string, size: number, total: number): void {
    const { fieldSize: limit, fieldsSize } = this.#limits
    // The limit that was passed first, whether these bytes came together or one by one.
    if (total > limit && total - limit >= this.#bytes + size - fieldsSize) {
      const detail = `The value of the field ${quote(name)} is longer than ${counted(limit, 'byte')}.`
      throw new BodyError('LIMIT_FIELD_SIZE', { detail, field: name, limit })
    }
    this.#addBytes(size)
  }

  /** Checks the name of a field or file. @returns its size in bytes @throws BodyError `LIMIT_FIELD_NAME` */
  checkName(name: string): number {
    const limit = this.#limits.fieldNameSize
    const size = Buffer.byteLength(name)
    if (size <= limit) return size
    const detail = `The name of a field is longer than ${counted(limit, 'byte')}.`
    throw new BodyError('LIMIT_FIELD_NAME', { detail, limit })
  }

  #addBytes(size: number): void {
    this.#bytes += size
    const limit = this.#limits.fieldsSize
    if (this.#bytes <= limit) return
    const detail = `All fields of the form together are longer than ${counted(limit, 'byte')}.`
    throw new BodyError('LIMIT_FIELD_SIZE', { detail, limit })
  }
}

/** A name for a message: in quotes, control characters escaped. */
export function quote(name: string): string {
  return JSON.stringify(name)
}

/** What one request has used of its limits, whichever parsers read it. */
export class RequestMeters {
  readonly fields: FieldLimits
  readonly #limits: Limits
  readonly #around: RequestMeters | undefined
  // Made on demand: most forms have no JSON.
  #json: JsonMeter | undefined

  /** @param around the meters of the form of which this is a part: they count its fields and JSON values too */
  constructor(limits: Limits, around?: RequestMeters) {
    this.fields = new FieldLimits(limits, around?.fields)
    this.#limits = limits
    this.#around = around
  }

  get json(): JsonMeter {
    return (this.#json ??= this.#around?.json ?? new JsonMeter(this.#limits))
  }
}

/** Counts the parts of one body. */
export class PartLimits {
  readonly #limits: Limits
  #parts = 0
  #files = 0
  /** Files in each list of the schema. */
  readonly #counts = new Map<string, number>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Counts a part. @returns its number, from 1 @throws BodyError `LIMIT_PARTS` */
  beginPart(): number {
    const { parts } = this.#limits
    if (++this.#parts > parts) throw tooMany('part', parts)
    return this.#parts
  }

  /** Counts a file. @throws BodyError `LIMIT_FILES` */
  beginFile(name: string): void {
    const { files } = this.#limits
    if (++this.#files > files) throw tooMany('file', files, name)
  }

  /** Counts a file in its list. @returns whether the schema accepts it there */
  admits(rule: FileRule, file: { readonly name: string; readonly type: string }): boolean {
    const count = (this.#counts.get(rule.list) ?? 0) + 1
    this.#counts.set(rule.list, count)
    return rule.kind !== 'value' && count <= (rule.maxCount ?? Infinity) && rule.accepts(file)
  }

  /** Checks the size of a file, which has `total` bytes so far. @throws BodyError `LIMIT_FILE_SIZE` */
  checkFileSize(name: string, total: number, rule: FileRule | undefined): void {
    const limit = rule?.maxSize ?? this.#limits.fileSize
    if (total <= limit) return
    const errors = rule?.tooLarge?.(total, (this.#counts.get(rule.list) ?? 1) - 1)
    const detail = `The file in the field ${quote(name)} is larger than ${counted(limit, 'byte')}.`
    throw new BodyError('LIMIT_FILE_SIZE', { detail, field: name, limit, errors })
  }
}
