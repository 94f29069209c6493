/** Requests with one mistake each, and Formgate's answers. The tests use them too. */

/**
 * @typedef {object} BrokenRequest
 * @property {string} id
 * @property {string} title
 * @property {string} story How a client comes to send it
 * @property {'POST' | 'PUT'} method
 * @property {string} path
 * @property {Record<string, string>} headers
 * @property {string} body
 * @property {string[]} marks The mistake: parts of the header or the body
 * @property {string} [absent] What is missing at the end of the body
 * @property {{ status: number, code: string }} answer
 */

/**
 * @typedef {object} Shelf
 * @property {string} title
 * @property {string} about
 * @property {BrokenRequest[]} requests
 */

const boundary = 'form-7b1f'
const multipart = { 'Content-Type': `multipart/form-data; boundary=${boundary}` }
const urlEncoded = { 'Content-Type': 'application/x-www-form-urlencoded' }
const json = { 'Content-Type': 'application/json' }

const wholeForm = form([field('title', 'Summer postcards')])
const jsonBody = '{"title":"Summer postcards","year":2024}'
const urlEncodedBody = 'title=Summer+postcards&year=2024'

/** @type {Shelf[]} */
export const shelves = [
  {
    title: 'The boundary',
    about:
      'The header names the boundary that separates the parts of the body. Client libraries write both; code written by hand often forgets one.',
    requests: [
      {
        id: 'no-boundary',
        title: 'No boundary',
        story: 'The header was set by hand, so the client library did not add its boundary.',
        ...post('/echo', { 'Content-Type': 'multipart/form-data' }, wholeForm),
        marks: ['multipart/form-data'],
        answer: { status: 400, code: 'MISSING_BOUNDARY' },
      },
      {
        id: 'empty-boundary',
        title: 'Empty boundary',
        story: 'The variable that should have held the boundary was empty.',
        ...post('/echo', { 'Content-Type': 'multipart/form-data; boundary=' }, wholeForm),
        marks: ['boundary='],
        answer: { status: 400, code: 'INVALID_BOUNDARY' },
      },
      {
        id: 'wrong-boundary',
        title: 'Wrong boundary',
        story: 'The header was copied from another request; the body has another boundary.',
        ...post('/echo', { 'Content-Type': 'multipart/form-data; boundary=form-0000' }, wholeForm),
        marks: ['form-0000', boundary],
        answer: { status: 400, code: 'BOUNDARY_MISMATCH' },
      },
      {
        id: 'two-boundaries',
        title: 'Two boundaries',
        story: 'A proxy and a client have each added one.',
        ...post(
          '/echo',
          { 'Content-Type': `multipart/form-data; boundary=${boundary}; boundary=form-0000` },
          wholeForm,
        ),
        marks: [`boundary=${boundary}`, 'boundary=form-0000'],
        answer: { status: 400, code: 'DUPLICATE_BOUNDARY' },
      },
      {
        id: 'no-dashes',
        title: 'Delimiters without dashes',
        story: 'The body was built by hand, without the two dashes before each boundary.',
        ...post('/echo', multipart, wholeForm.replaceAll(`--${boundary}`, boundary)),
        marks: [`\r\n${boundary}`, boundary],
        answer: { status: 400, code: 'BOUNDARY_MISMATCH' },
      },
      {
        id: 'boundary-in-another-case',
        title: 'Boundary in another case',
        story: 'A proxy changed the header to upper case.',
        ...post('/echo', { 'Content-Type': 'multipart/form-data; boundary=FORM-7B1F' }, wholeForm),
        marks: ['FORM-7B1F', boundary],
        answer: { status: 400, code: 'BOUNDARY_MISMATCH' },
      },
    ],
  },
  {
    title: 'Header and body disagree',
    about: 'The Content-Type header does not match the bytes.',
    requests: [
      {
        id: 'json-under-multipart',
        title: 'JSON under a multipart header',
        story: 'A fetch wrapper sets the same header on every request.',
        ...post('/echo', multipart, jsonBody),
        marks: ['multipart/form-data', '{'],
        answer: { status: 400, code: 'NOT_MULTIPART' },
      },
      {
        id: 'urlencoded-under-multipart',
        title: 'URL-encoded form under a multipart header',
        story: 'enctype was changed in one place but not in the other.',
        ...post('/echo', multipart, urlEncodedBody),
        marks: ['multipart/form-data', 'title='],
        answer: { status: 400, code: 'NOT_MULTIPART' },
      },
      {
        id: 'multipart-under-json',
        title: 'Multipart under a JSON header',
        story: 'python-requests with files= and a JSON header set by hand.',
        ...post('/echo', json, wholeForm),
        marks: ['application/json', `--${boundary}`],
        answer: { status: 400, code: 'MALFORMED_JSON' },
      },
      {
        id: 'multipart-under-urlencoded',
        title: 'Multipart under a URL-encoded header',
        story: 'Many servers read this as one field with a very odd name, and answer 200.',
        ...post('/echo', urlEncoded, wholeForm),
        marks: ['application/x-www-form-urlencoded', `--${boundary}`],
        answer: { status: 400, code: 'MALFORMED_FORM' },
      },
      {
        id: 'no-content-type',
        title: 'No Content-Type',
        story: 'A form was sent without its header. Many servers answer 200 with an empty form.',
        ...post('/echo', {}, wholeForm),
        marks: [],
        answer: { status: 415, code: 'MISSING_CONTENT_TYPE' },
      },
      {
        id: 'unknown-media-type',
        title: 'Unsupported media type',
        story: 'The answer lists what this route accepts.',
        ...post('/echo', { 'Content-Type': 'application/yaml' }, 'title: Summer postcards\nyear: 2024\n'),
        marks: ['application/yaml'],
        answer: { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
      },
      {
        id: 'unknown-encoding',
        title: 'Unsupported encoding',
        story: 'The client compresses in a format that the server does not support.',
        ...post('/echo', { ...json, 'Content-Encoding': 'zstd-9' }, jsonBody),
        marks: ['zstd-9'],
        answer: { status: 415, code: 'UNSUPPORTED_ENCODING' },
      },
      {
        id: 'form-as-raw-file',
        title: 'A form where a raw file is expected',
        story: 'If it were stored as it is, the picture would begin with a delimiter.',
        method: 'PUT',
        path: '/raw/photo.png',
        headers: multipart,
        body: form([file('photo', 'photo.png', 'PNG')]),
        marks: ['multipart/form-data', `--${boundary}`],
        answer: { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
      },
    ],
  },
  {
    title: 'Damaged bodies',
    about: 'The header is right, but the body is invalid. Guessing would silently lose data.',
    requests: [
      {
        id: 'cut-body',
        title: 'Truncated body',
        story: 'A proxy or a buggy client stopped early. The file would look complete.',
        ...post('/echo', multipart, cutForm()),
        marks: [],
        absent: 'the body ends here',
        answer: { status: 400, code: 'TRUNCATED_BODY' },
      },
      {
        id: 'lf-line-ends',
        title: 'LF line endings',
        story: 'A template literal or an editor on Unix wrote \\n where \\r\\n is required.',
        ...post('/echo', multipart, wholeForm.replaceAll('\r\n', '\n')),
        marks: ['\n'],
        answer: { status: 400, code: 'LF_LINE_ENDINGS' },
      },
      {
        id: 'no-name',
        title: 'A part without a name',
        story: 'Most servers drop the part, or call it “undefined”.',
        ...post(
          '/echo',
          multipart,
          form([field('title', 'Summer postcards'), part('Content-Disposition: form-data', 'who am I?')]),
        ),
        marks: ['Content-Disposition: form-data\r\n'],
        answer: { status: 400, code: 'MISSING_PART_NAME' },
      },
      {
        id: 'header-without-colon',
        title: 'A part header without a colon',
        story: 'One line lost a character. Many parsers skip it, and the field with it.',
        ...post(
          '/echo',
          multipart,
          form([part('Content-Disposition form-data; name="title"', 'Summer postcards')]),
        ),
        marks: ['Content-Disposition form-data'],
        answer: { status: 400, code: 'MALFORMED_PART' },
      },
      {
        id: 'unknown-charset',
        title: 'A charset that does not exist',
        story: 'Some parsers turn such a field into undefined, others crash.',
        ...post(
          '/echo',
          multipart,
          form([
            part(
              'Content-Disposition: form-data; name="title"\r\nContent-Type: text/plain; charset=utf-9',
              'Hello',
            ),
          ]),
        ),
        marks: ['charset=utf-9'],
        answer: { status: 400, code: 'INVALID_CHARSET' },
      },
      {
        id: 'malformed-json',
        title: 'Malformed JSON',
        story: 'A trailing comma, as in a config file.',
        ...post('/echo', json, '{\n  "title": "Summer postcards",\n  "year": 2024,\n}'),
        marks: [',\n}'],
        answer: { status: 400, code: 'MALFORMED_JSON' },
      },
    ],
  },
  {
    title: 'Over a limit',
    about: 'Every limit is finite by default, and the answer names the one that was exceeded.',
    requests: [
      {
        id: 'file-too-large',
        title: 'File too large',
        story: 'This route accepts files of up to 64 KiB. This one has one more byte.',
        ...post('/tiny', multipart, form([file('photo', 'photo.raw', 'x'.repeat(64 * 1024 + 1))])),
        marks: ['filename="photo.raw"'],
        answer: { status: 413, code: 'LIMIT_FILE_SIZE' },
      },
      {
        id: 'too-many-files',
        title: 'Too many files',
        story: 'This route accepts one.',
        ...post('/tiny', multipart, form([file('photo', 'one.txt', 'one'), file('photo', 'two.txt', 'two')])),
        marks: ['filename="two.txt"'],
        answer: { status: 413, code: 'LIMIT_FILES' },
      },
      {
        id: 'too-many-fields',
        title: 'Too many fields',
        story: 'By default a form has at most 1000 fields. This one has 1001.',
        ...post('/echo', urlEncoded, Array.from({ length: 1001 }, (_, n) => `f${n}=${n}`).join('&')),
        marks: [],
        answer: { status: 413, code: 'LIMIT_FIELDS' },
      },
      {
        id: 'field-too-long',
        title: 'Value too long',
        story: 'This route accepts values of up to 256 bytes. This one has one more byte.',
        ...post('/tiny', multipart, form([field('note', 'x'.repeat(257))])),
        marks: ['x'.repeat(257)],
        answer: { status: 413, code: 'LIMIT_FIELD_SIZE' },
      },
      {
        id: 'field-name-too-long',
        title: 'Field name too long',
        story: 'By default a name has at most 200 bytes. This one has 201.',
        ...post('/echo', multipart, form([field('n'.repeat(201), 'value')])),
        marks: ['n'.repeat(201)],
        answer: { status: 413, code: 'LIMIT_FIELD_NAME' },
      },
      {
        id: 'deep-nesting',
        title: 'Deep nesting',
        story: 'A hundred nested arrays. By default at most 64 levels are allowed.',
        ...post('/echo', json, '['.repeat(100) + ']'.repeat(100)),
        marks: ['['.repeat(100)],
        answer: { status: 413, code: 'LIMIT_NESTING' },
      },
    ],
  },
]

export const brokenRequests = shelves.flatMap((shelf) => shelf.requests)

/**
 * @param {string} path
 * @param {Record<string, string>} headers
 * @param {string} body
 * @returns {Pick<BrokenRequest, 'method' | 'path' | 'headers' | 'body'>}
 */
function post(path, headers, body) {
  return { method: 'POST', path, headers, body }
}

/** @param {string[]} parts */
function form(parts) {
  return parts.map((each) => `--${boundary}\r\n${each}\r\n`).join('') + `--${boundary}--\r\n`
}

/**
 * @param {string} head
 * @param {string} content
 */
function part(head, content) {
  return `${head}\r\n\r\n${content}`
}

/**
 * @param {string} name
 * @param {string} value
 */
function field(name, value) {
  return part(`Content-Disposition: form-data; name="${name}"`, value)
}

/**
 * @param {string} name
 * @param {string} fileName
 * @param {string} content
 */
function file(name, fileName, content) {
  return part(
    `Content-Disposition: form-data; name="${name}"; filename="${fileName}"\r\nContent-Type: application/octet-stream`,
    content,
  )
}

/** A form that stops in the middle of its file. */
function cutForm() {
  const whole = form([file('letter', 'letter.txt', 'Dear all, the most important thing is')])
  return whole.slice(0, whole.lastIndexOf(`\r\n--${boundary}--`))
}
