/** What the fields of one request may come to: their number, their names, their values, all of them together. */

import { BodyError } from '../errors.js'
import type { Limits } from '../limits.js'
import { JsonMeter } from './json-values.js'

/** What a schema says about files, for a parser to apply while they arrive. */
export interface FileRules {
  /** Whether a name that the schema does not have makes the whole form invalid. */
  readonly strict: boolean
  /**
   * The rule for a field; `undefined` for a name that the schema does not have, whose files are not to be stored.
   *
   * @throws BodyError `LIMIT_NESTING`
   */
  find(name: string): FileRule | undefined
}

/** The rule for the files of one field. */
export interface FileRule {
  /** What the schema wants there. */
  readonly kind: 'file' | 'value' | 'either'
  /** The list that `maxCount` is about: several names may lead to one. */
  readonly list: string
  /** Bytes of one file. */
  readonly maxSize?: number
  /** Files in the list. */
  readonly maxCount?: number
  /** Whether a file of this name and declared type may pass. */
  accepts(file: { readonly name: string; readonly type: string }): boolean
}

/** Counts the fields of one request, whichever parsers read them. */
export class FieldLimits {
  readonly #limits: Limits
  readonly #around: FieldLimits | undefined
  #fields = 0
  #bytes = 0

  constructor(limits: Limits, around?: FieldLimits) {
    this.#limits = limits
    this.#around = around
  }

  /**
   * A meter for a form that is the value of one field: its fields count with all others. Their bytes were counted with
   * those of the field.
   */
  within(): FieldLimits {
    return new FieldLimits(this.#limits, this)
  }

  /**
   * One more field begins.
   *
   * @throws BodyError `LIMIT_FIELD_NAME`, `LIMIT_FIELDS` or `LIMIT_FIELD_SIZE`
   */
  begin(name: string): void {
    const size = this.checkName(name)
    this.#count()
    this.#addBytes(size)
  }

  /**
   * `size` more bytes of a value arrive, which makes `total` of it so far.
   *
   * @throws BodyError `LIMIT_FIELD_SIZE`, for the one value or for all of them
   */
  add(name: string, size: number, total: number): void {
    const { fieldSize, fieldsSize } = this.#limits
    // Of two limits the one that was passed first, whether these bytes came together or one by one.
    if (total > fieldSize && total - fieldSize >= this.#bytes + size - fieldsSize) {
      const detail = `The value of the field ${quote(name)} is longer than ${fieldSize} bytes.`
      throw new BodyError('LIMIT_FIELD_SIZE', { detail, field: name, limit: fieldSize })
    }
    this.#addBytes(size)
  }

  /** The name of a field or of a file. @returns its bytes @throws BodyError `LIMIT_FIELD_NAME` */
  checkName(name: string): number {
    const { fieldNameSize } = this.#limits
    const size = Buffer.byteLength(name)
    if (size <= fieldNameSize) return size
    const detail = `The name of a field is longer than ${fieldNameSize} bytes.`
    throw new BodyError('LIMIT_FIELD_NAME', { detail, limit: fieldNameSize })
  }

  #count(): void {
    if (this.#around !== undefined) return this.#around.#count()
    this.#fields += 1
    const { fields } = this.#limits
    if (this.#fields <= fields) return
    const detail = `The form has more than ${fields} fields.`
    throw new BodyError('LIMIT_FIELDS', { detail, limit: fields })
  }

  #addBytes(size: number): void {
    this.#bytes += size
    const { fieldsSize } = this.#limits
    if (this.#bytes <= fieldsSize) return
    const detail = `All fields of the form together are longer than ${fieldsSize} bytes.`
    throw new BodyError('LIMIT_FIELD_SIZE', { detail, limit: fieldsSize })
  }
}

/** A name as a message shows it: in quotes, control characters escaped. */
export function quote(name: string): string {
  return JSON.stringify(name)
}

/** One for each request, whichever parsers read it. */
export class RequestMeters {
  readonly fields: FieldLimits
  readonly json: JsonMeter

  constructor(
    limits: Limits,
    fields: FieldLimits = new FieldLimits(limits),
    json: JsonMeter = new JsonMeter(limits),
  ) {
    this.fields = fields
    this.json = json
  }

  /** Those for the content of a part, which count on what the form around it has. */
  forPart(limits: Limits): RequestMeters {
    return new RequestMeters(limits, this.fields.within(), this.json)
  }
}

/** Counts the parts of one body. */
export class PartLimits {
  readonly #limits: Limits
  readonly #fields: FieldLimits
  #parts = 0
  #files = 0
  /** Files by the list of the schema that they belong to. */
  readonly #counts = new Map<string, number>()

  /** @param fields counts the fields; those of the whole request, where other parsers read a part of it */
  constructor(limits: Limits, fields: FieldLimits = new FieldLimits(limits)) {
    this.#limits = limits
    this.#fields = fields
  }

  /** One more part. @returns its number, from 1 @throws BodyError `LIMIT_PARTS` */
  beginPart(): number {
    this.#parts += 1
    const { parts } = this.#limits
    if (this.#parts <= parts) return this.#parts
    throw new BodyError('LIMIT_PARTS', { detail: `The form has more than ${parts} parts.`, limit: parts })
  }

  /** The part is a field. @throws BodyError `LIMIT_FIELDS`, `LIMIT_FIELD_NAME` or `LIMIT_FIELD_SIZE` */
  beginField(name: string): void {
    this.#fields.begin(name)
  }

  /** The part is a file. @throws BodyError `LIMIT_FILES` or `LIMIT_FIELD_NAME` */
  beginFile(name: string): void {
    this.#fields.checkName(name)
    this.#files += 1
    const { files } = this.#limits
    if (this.#files <= files) return
    const detail = `The form has more than ${files} files.`
    throw new BodyError('LIMIT_FILES', { detail, field: name, limit: files })
  }

  /** `size` more bytes of a field, `total` so far. @throws BodyError `LIMIT_FIELD_SIZE` */
  addToField(name: string, size: number, total: number): void {
    this.#fields.add(name, size, total)
  }

  /** Whether the schema lets one more file into its list. */
  admits(rule: FileRule, file: { readonly name: string; readonly type: string }): boolean {
    const count = (this.#counts.get(rule.list) ?? 0) + 1
    this.#counts.set(rule.list, count)
    return rule.kind !== 'value' && count <= (rule.maxCount ?? Infinity) && rule.accepts(file)
  }

  /** A file has `total` bytes so far. @param rule what the schema says @throws BodyError `LIMIT_FILE_SIZE` */
  addToFile(name: string, total: number, rule: FileRule | undefined): void {
    const limit = Math.min(this.#limits.fileSize, rule?.maxSize ?? Infinity)
    if (total <= limit) return
    const detail = `The file in the field ${quote(name)} is larger than ${limit} bytes.`
    throw new BodyError('LIMIT_FILE_SIZE', { detail, field: name, limit })
  }
}
