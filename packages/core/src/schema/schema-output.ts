/** The type of the data that a handler gets for a schema. */
import type { UploadedFile } from '../files/uploaded-file.js'

/**
 * The output of a schema of any Standard Schema library, with `UploadedFile` in place of `File`, so that `.path` and
 * `.moveTo()` are typed.
 */
export type Out<S> = WithUploads<OutputOf<S>>

type OutputOf<S> = S extends {
  readonly '~standard': { readonly types?: { readonly output: infer Output } | undefined }
}
  ? Output
  : unknown

/**
 * Replaces `File` with `UploadedFile` in objects, arrays, maps and sets. A type without files stays itself: a mapped
 * class would lose its private members.
 */
type WithUploads<T> = true extends HasFile<T> ? Replaced<T> : T

type Replaced<T> = T extends Untouched
  ? T
  : T extends File
    ? UploadedFile
    : T extends Map<infer Key, infer Value>
      ? Map<Key, WithUploads<Value>>
      : T extends Set<infer Item>
        ? Set<WithUploads<Item>>
        : T extends object
          ? { [Key in keyof T]: WithUploads<T[Key]> }
          : T

/** Looks 8 levels deep, the default limit of a form: a recursive type has no end. */
type HasFile<T, Level extends unknown[] = []> = Level['length'] extends 8
  ? false
  : IsAny<T> extends true
    ? false
    : T extends Untouched
      ? false
      : T extends File
        ? true
        : T extends ReadonlyMap<unknown, infer Item> | ReadonlySet<infer Item> | readonly (infer Item)[]
          ? HasFile<Item, [...Level, unknown]>
          : T extends object
            ? { [Key in keyof T]-?: HasFile<T[Key], [...Level, unknown]> }[keyof T]
            : false

type Untouched =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | Date
  | ((...args: never) => unknown)

type IsAny<T> = 0 extends 1 & T ? true : false
