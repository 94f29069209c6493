/** A storage of Formgate for S3 and compatible stores. */
export { s3, type S3Storage } from './s3.js'
export type { ObjectParams, S3Options } from './s3-options.js'
export { S3File, s3File } from './s3-file.js'
export { S3StorageError } from './s3-storage-error.js'
