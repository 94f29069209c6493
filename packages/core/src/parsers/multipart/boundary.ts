/** The boundary that a Content-Type header declares. */
import { BodyError } from '../../errors.js'
import type { MediaType } from '../../http/media-type.js'
import { guessFormat } from '../guess-format.js'

/** RFC 2046 allows 70; other servers take up to 200 and more. */
const longestBoundary = 200

/**
 * Reads the boundary.
 *
 * @returns `undefined` where none is declared
 * @throws BodyError `INVALID_BOUNDARY` or `DUPLICATE_BOUNDARY`
 */
export function readBoundary(mediaType: MediaType): string | undefined {
  const [first, ...others] = mediaType.parameters.filter(({ name }) => name === 'boundary')
  if (first === undefined) return undefined
  const boundary = first.value
  const different = others.find(({ value }) => value !== boundary)
  if (different !== undefined) {
    const detail = `The Content-Type header has two boundaries: "${boundary}" and "${different.value}".`
    throw new BodyError('DUPLICATE_BOUNDARY', { detail })
  }
  const fault = boundaryFault(boundary)
  if (fault !== undefined) {
    throw new BodyError('INVALID_BOUNDARY', { detail: `The boundary in the Content-Type header ${fault}.` })
  }
  return boundary
}

function boundaryFault(boundary: string): string | undefined {
  if (boundary === '') return 'is empty'
  if (boundary.length > longestBoundary) {
    return `has ${boundary.length} characters, which is more than ${longestBoundary}`
  }
  return boundary.endsWith(' ') ? 'ends in a space' : undefined
}

/** The 400 for a multipart body whose header declares no boundary; it says which one the body seems to use. */
export function missingBoundary(start: Uint8Array): BodyError {
  const look = guessFormat(start)
  const advice =
    'Remove the Content-Type header that was set by hand: the HTTP client adds it together with the boundary. In ' +
    'python-requests pass files= and no Content-Type; with fetch or axios pass the FormData alone; with curl use -F alone.'
  const seen = {
    multipart: () =>
      ` The body seems to use the boundary "${look.kind === 'multipart' ? look.boundary : ''}".`,
    json: () => ' The body looks like JSON, for which the header is application/json.',
    urlencoded: () =>
      ' The body looks like a URL-encoded form, for which the header is application/x-www-form-urlencoded.',
    unknown: () => '',
  }
  return new BodyError('MISSING_BOUNDARY', { hint: advice + seen[look.kind]() })
}
