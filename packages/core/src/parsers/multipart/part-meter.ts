/** What the parts of one body may come to: their number, the number of files, the size of each. */
import { BodyError } from '../../errors.js'
import type { Limits } from '../../limits.js'
import type { FileRule } from '../base-parser.js'
import { FieldMeter, quote } from '../field-meter.js'

/** Counts the parts of one body. */
export class PartMeter {
  readonly #limits: Limits
  readonly #fields: FieldMeter
  #parts = 0
  #files = 0
  /** Files by the list of the schema that they belong to. */
  readonly #counts = new Map<string, number>()

  /** @param fields counts the fields; those of the whole request, where other parsers read a part of it */
  constructor(limits: Limits, fields: FieldMeter = new FieldMeter(limits)) {
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
