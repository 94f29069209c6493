/** File names of clients, made safe to store. */

/** What most file systems allow for a name, in bytes of UTF-8. */
const maxBytes = 255

/** A longer extension is not kept when a name is cut. */
const maxExtensionBytes = 64

/**
 * Device names of Windows, with any extension and in any folder
 * (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
 */
const windowsDevice = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|$)/i

/** Names of temporary files (`temp-file.ts`), which the sweep removes. In any case, as many file systems ignore it. */
const tempName = /^formgate-[0-9a-f]{32}\.part$/i

/**
 * Turns the file name that a client sent into one that is safe to store, by the rules of Django's `sanitize_file_name`.
 * On every system it also avoids what Windows would silently interpret in another way:
 *
 * - keeps only the segment after the last `/` or `\`. Drops a `\` at the end, since a name on Unix may have one;
 * - drops unprintable characters: controls (CR, LF, NUL, DEL, C1), line separators, lone surrogates, private-use and
 *   format characters, because a bidi override can make `gnp.exe` look like `exe.png`. Other spaces become plain ones;
 * - does not decode HTML entities or percent signs;
 * - trims white space, and dots at the end, which Windows ignores: `x.php.` is `x.php` there;
 * - replaces `:` by `_`: `a.txt:b` is a hidden stream of `a.txt` on Windows;
 * - puts a `_` before a device name such as `CON` or `nul.txt`. Keeps what Windows refuses with an error (`<>"|?*`);
 * - puts a `_` before the name of a temporary file of Formgate, which the sweep would remove;
 * - cuts a name of more than 255 bytes between two characters, before its extension.
 *
 * @param original the file name as the client sent it, decoded
 * @returns one safe path segment of 1 to 255 bytes in UTF-8; `undefined` if nothing is left (`''`, `.`, `..`, `a/`)
 */
export function safeFileName(original: string): string | undefined {
  const segment = lastSegment(original)
  // Fast path for most names.
  if (/^\w[\w-]{0,99}\.\w{1,9}$/.test(segment) && !isReserved(segment)) return segment
  const printable = segment
    .replace(/\p{Zs}/gu, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, '')
    .replaceAll(':', '_')
  const trimmed = trimEnd(printable.trimStart())
  if (trimmed === '') return undefined
  return withSuffix(isReserved(trimmed) ? `_${trimmed}` : trimmed, '')
}

function isReserved(name: string): boolean {
  return windowsDevice.test(name) || tempName.test(name)
}

/**
 * The extension of a safe name, in lower case and with its dot: `.png`.
 *
 * @returns `''` if it is missing, is longer than 16 characters or has others than a to z and 0 to 9
 */
export function safeExtension(name: string): string {
  return /.(\.[a-z0-9]{1,16})$/i.exec(name)?.[1]?.toLowerCase() ?? ''
}

function lastSegment(path: string): string {
  let end = path.length
  while (path[end - 1] === '\\') end--
  const name = path.slice(0, end)
  return name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1)
}

function trimEnd(name: string): string {
  // A loop: /[ .]+$/ takes quadratic time on a long run of dots inside the name.
  let end = name.length
  while (end > 0 && (name[end - 1] === '.' || name[end - 1] === ' ')) end--
  return name.slice(0, end)
}

/** What an app should change whose own name of a file is not safe. */
export const unsafeNameHint: string =
  'Return file names, with a / between folders. Pass what a client or a user chose through safeFileName(), which returns ' +
  'undefined if nothing is left.'

/** A name of an app, for an error: it may be no text, or as long as a header. */
export function shownName(name: unknown): string {
  if (typeof name !== 'string') return name === null ? 'null' : `a value of the type ${typeof name}`
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)
}

/** Inserts a suffix before the extension of a safe name. @returns a safe name of at most 255 bytes */
export function withSuffix(name: string, suffix: string): string {
  if (suffix === '' && Buffer.byteLength(name) <= maxBytes) return name
  const dot = name.lastIndexOf('.')
  const ending = dot > 0 ? name.slice(dot) : ''
  const extension = Buffer.byteLength(ending) > maxExtensionBytes ? '' : ending
  const stem = name.slice(0, name.length - extension.length)
  return trimEnd(cut(stem, maxBytes - Buffer.byteLength(suffix + extension)) + suffix + extension)
}

function cut(text: string, bytes: number): string {
  const encoded = Buffer.from(text)
  let end = Math.min(bytes, encoded.length)
  // Bytes 10xxxxxx continue a character: go back to its start.
  while (end < encoded.length && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--
  return encoded.toString('utf8', 0, end)
}
