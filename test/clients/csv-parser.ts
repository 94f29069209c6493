/** A custom parser of an app. */
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { BaseParser } from '@formgate/core'

export class CsvParser extends BaseParser {
  readonly mediaType = 'text/csv'

  async parse(stream: Readable): Promise<string[][]> {
    const lines = (await text(stream)).trim().split('\n')
    return lines.map((line) => line.split(','))
  }
}
