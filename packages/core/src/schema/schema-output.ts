/** The type of the data that a handler gets for a schema. */
import type { UploadedFile } from '../files/uploaded-file.js'
import type { StoredFile } from '../storages/storage.js'
import type { DefinitionOf, ZodSchema } from './read-zod.js'

/**
 * The output of a schema of any Standard Schema library, with `UploadedFile` in place of `File`, so that `.path` and
 * `.moveTo()` are typed.
 *
 * What code of the schema returns keeps its type: a File that a `transform()` or a `catch()` of zod returns may be any
 * File.
 *
 * @typeParam Stored what the storage returns for a file: `file.stored`
 */
export type Out<S, Stored extends StoredFile = StoredFile> =
  true extends HasFile<OutputOf<S>> ? Of<S, UploadedFile<Stored>> : OutputOf<S>

type OutputOf<S> = S extends {
  readonly '~standard': { readonly types?: { readonly output: infer Output } | undefined }
}
  ? Output
  : unknown

/** Follows a schema of zod along its definition; what has none, or one that is not known, is followed by its output. */
type Of<S, F> = S extends ZodSchema ? OfDef<DefinitionOf<S>, OutputOf<S>, F> : Replaced<OutputOf<S>, F>

type OfDef<Def, Output, F> = Def extends { type: 'file' }
  ? F
  : Def extends { type: 'object'; shape: infer Shape }
    ? { [Key in keyof Output]: Key extends keyof Shape ? Of<Shape[Key], F> : Replaced<Output[Key], F> }
    : Def extends { type: 'array'; element: infer Item }
      ? Of<Item, F>[]
      : Def extends { type: 'set'; valueType: infer Item }
        ? Set<Of<Item, F>>
        : Def extends { type: 'map'; keyType: infer Key; valueType: infer Value }
          ? Map<Of<Key, F>, Of<Value, F>>
          : Def extends { type: 'record'; valueType: infer Value }
            ? { [Key in keyof Output]: Of<Value, F> }
            : Def extends { type: 'tuple'; items: infer Items }
              ? {
                  [At in keyof Output]: At extends keyof Items & string
                    ? Of<Items[At], F>
                    : Replaced<Output[At], F>
                }
              : Def extends { type: 'union'; options: readonly (infer Option)[] }
                ? Of<Option, F>
                : Def extends { type: 'intersection'; left: infer Left; right: infer Right }
                  ? Of<Left, F> & Of<Right, F>
                  : OfWrapper<Def, Output, F>

type OfWrapper<Def, Output, F> = Def extends { type: 'optional'; innerType: infer Inner }
  ? Of<Inner, F> | undefined
  : Def extends { type: 'nullable'; innerType: infer Inner }
    ? Of<Inner, F> | null
    : Def extends { type: 'nonoptional'; innerType: infer Inner }
      ? Exclude<Of<Inner, F>, undefined>
      : Def extends { type: 'lazy'; getter: () => infer Inner }
        ? Of<Inner, F>
        : Def extends { transform: unknown } | { type: 'transform' | 'catch' | 'default' | 'prefault' }
          ? Output
          : Def extends { type: 'pipe'; out: infer End }
            ? Of<End, F>
            : Replaced<Output, F>

/**
 * Replaces `File` in objects, arrays, maps and sets. A type without files stays itself: a mapped class would lose its
 * private members.
 */
type Replaced<T, F> = true extends HasFile<T> ? WithUploads<T, F> : T

type WithUploads<T, F> = T extends Untouched
  ? T
  : T extends File
    ? F
    : T extends Map<infer Key, infer Value>
      ? Map<Key, Replaced<Value, F>>
      : T extends Set<infer Item>
        ? Set<Replaced<Item, F>>
        : T extends object
          ? { [Key in keyof T]: Replaced<T[Key], F> }
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
            ? AnyHasFile<T, [...Level, unknown]>
            : false

/** Looks at the known keys of a loose object by themselves: its index signature hides them. */
type AnyHasFile<T, Level extends unknown[]> = string extends keyof T
  ? HasFile<T[string & keyof T], Level> | ValueHasFile<Known<T>, Level>
  : ValueHasFile<T, Level>

type ValueHasFile<T, Level extends unknown[]> = {
  [Key in keyof T]-?: HasFile<T[Key], Level>
}[keyof T]

type Known<T> = { [Key in keyof T as string extends Key ? never : Key]: T[Key] }

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
