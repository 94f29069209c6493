/** Tickets: signed texts that stand for uploads. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { BodyError, type Entry, type FrameworkRequest, type TextEntry } from '@formgate/core'
import { randomName } from '@formgate/core/storage'

/** A presigned POST may be valid for as long (seconds). */
export const ticketLifetime = 86_400

const prefix = 'formgate-upload.'

/** The upload that a ticket stands for. */
export interface Ticket {
  /** 128 random bits, in hexadecimal. */
  readonly id: string
  /** The file name as the client sent it. */
  readonly name: string
  /** The media type, in lower case and without parameters. */
  readonly type: string
  /** Bytes. */
  readonly size: number
  /** The second at which the ticket ends, since 1970. */
  readonly end: number
}

/** True for a field whose text may be a ticket. */
export function isTicket(entry: Entry): entry is TextEntry {
  return entry.kind === 'text' && entry.value.startsWith(prefix)
}

/** Returns who sends a request: a text, unless the program is untyped. */
export type TicketOwner = (request: FrameworkRequest) => unknown

/** Signs and reads the tickets of one form. */
export class Tickets {
  readonly #secret: string
  readonly #form: readonly string[]
  readonly #owner: TicketOwner

  /** @param form what tells the form from others */
  constructor(secret: string, form: readonly string[], owner: TicketOwner) {
    this.#secret = secret
    this.#form = form
    this.#owner = owner
  }

  /** Who sends a request. @throws TypeError if the app does not say; what the app throws */
  async ownerOf(request: FrameworkRequest): Promise<string> {
    const owner = await this.#owner(request)
    if (typeof owner === 'string' && owner !== '') return owner
    throw new TypeError('The option `owner` must return a text, or throw if the request has no owner.')
  }

  /** @returns the ticket, and its text */
  issue(
    file: Pick<Ticket, 'name' | 'type' | 'size'>,
    field: string,
    owner: string,
  ): { readonly ticket: Ticket; readonly text: string } {
    const ticket = { ...file, id: randomName(), end: Math.floor(Date.now() / 1000) + ticketLifetime }
    const content = Buffer.from(JSON.stringify(ticket)).toString('base64url')
    return { ticket, text: `${prefix}${content}.${this.#sign(content, field, owner).toString('base64url')}` }
  }

  /** @throws BodyError `INVALID_TICKET` unless it was issued for this form, field and owner, less than a day ago */
  read(text: string, field: string, owner: string): Ticket {
    const [content = '', signature = ''] = text.slice(prefix.length).split('.', 2)
    const given = Buffer.from(signature, 'base64url')
    const signed = this.#sign(content, field, owner)
    if (given.length !== signed.length || !timingSafeEqual(given, signed)) {
      const detail = `The ticket in the field "${field}" was not issued for this form, field and user.`
      throw new BodyError('INVALID_TICKET', { field, detail })
    }
    const ticket = JSON.parse(Buffer.from(content, 'base64url').toString()) as Ticket
    if (Date.now() < ticket.end * 1000) return ticket
    throw new BodyError('INVALID_TICKET', {
      field,
      detail: `The ticket in the field "${field}" has expired.`,
      hint: 'Request another ticket, and upload the file again.',
    })
  }

  /** The owner is signed but not shown: a page need not know what the app calls its users. */
  #sign(content: string, field: string, owner: string): Buffer {
    const signed = JSON.stringify([...this.#form, field, owner, content])
    return createHmac('sha256', this.#secret).update(signed).digest()
  }
}
