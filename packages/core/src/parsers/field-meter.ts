/** What the fields of one form may come to: their number, their names, their values, all of them together. */
import { BodyError } from '../errors.js'
import type { Limits } from '../limits.js'

/** Counts the fields of one form, whichever parser reads it. */
export class FieldMeter {
  readonly #limits: Limits
  #fields = 0
  #bytes = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /**
   * One more field begins.
   *
   * @throws BodyError `LIMIT_FIELD_NAME`, `LIMIT_FIELDS` or `LIMIT_FIELD_SIZE`
   */
  begin(name: string): void {
    const size = this.checkName(name)
    this.#fields += 1
    const { fields } = this.#limits
    if (this.#fields > fields) {
      throw new BodyError('LIMIT_FIELDS', {
        detail: `The form has more than ${fields} fields.`,
        limit: fields,
      })
    }
    this.#addBytes(size)
  }

  /**
   * `size` more bytes of a value arrive, which makes `total` of it so far.
   *
   * @throws BodyError `LIMIT_FIELD_SIZE`, for the one value or for all of them
   */
  add(name: string, size: number, total: number): void {
    const { fieldSize } = this.#limits
    if (total > fieldSize) {
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
