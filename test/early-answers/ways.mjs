/** The ways in which an upload is refused, by path. */

/** The size of every upload; above every limit here. */
export const uploadSize = 50 * 1000 * 1000

const MiB = 1024 * 1024

/**
 * @typedef {object} Way
 * @property {string} title What the table calls it.
 * @property {boolean} isChunked Whether the client does not declare a length.
 * @property {import('@formgate/core').RouteOptions} options Of the route.
 * @property {number} status What a client must read.
 * @property {string} [code] The code of the problem; without one, the framework writes the answer.
 */

/** @type {import('@formgate/core').Storage} */
const failingStorage = {
  async store() {
    throw new Error('A storage that always fails.')
  },
}

/** @type {Record<string, Way>} */
export const ways = {
  headers: {
    title: 'refused by its headers',
    isChunked: false,
    options: { limits: { bodySize: MiB } },
    status: 413,
    code: 'LIMIT_BODY_SIZE',
  },
  midway: {
    title: 'refused midway',
    isChunked: false,
    options: { limits: { fileSize: MiB } },
    status: 413,
    code: 'LIMIT_FILE_SIZE',
  },
  chunked: {
    title: 'chunked, refused midway',
    isChunked: true,
    options: { limits: { fileSize: MiB } },
    status: 413,
    code: 'LIMIT_FILE_SIZE',
  },
  next: {
    title: "midway, errors: 'next'",
    isChunked: false,
    options: { limits: { fileSize: MiB }, errors: 'next' },
    status: 413,
  },
  failure: {
    title: 'a storage that fails',
    isChunked: false,
    options: { storage: failingStorage },
    status: 500,
  },
}
