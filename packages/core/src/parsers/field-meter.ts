/** What the fields of one request may come to: their number, their names, their values, all of them together. */
import { BodyError } from '../errors.js'
import type { Limits } from '../limits.js'

/** Counts the fields of one request, whichever parsers read them. */
export class FieldMeter {
  readonly #limits: Limits
  readonly #around: FieldMeter | undefined
  #fields = 0
  #bytes = 0

  constructor(limits: Limits, around?: FieldMeter) {
    this.#limits = limits
    this.#around = around
  }

  /**
   * A meter for a form that is the value of one field: its fields count with all others. Their bytes were counted with
   * those of the field.
   */
  within(): FieldMeter {
    return new FieldMeter(this.#limits, this)
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
