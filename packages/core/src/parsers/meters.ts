/** What one request has used of the limits that hold for all of its parts together. */
import type { Limits } from '../limits.js'
import { FieldMeter } from './field-meter.js'
import { JsonMeter } from './json-values.js'

/** One for each request, whichever parsers read it. */
export class RequestMeters {
  readonly fields: FieldMeter
  readonly json: JsonMeter

  constructor(
    limits: Limits,
    fields: FieldMeter = new FieldMeter(limits),
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
