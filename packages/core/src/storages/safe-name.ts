/** The one place that decides which file names are safe to store. */

/** What most file systems allow for one name, in bytes of UTF-8. */
const maxBytes = 255

/** A longer ending is no file type that is worth keeping when a name is cut. */
const maxExtensionBytes = 64

/**
 * Names that mean a device to Windows, with any extension and in any folder
 * (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
 */
const windowsDevice = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|$)/i

/**
 * Names of files that are being written (`part-file.ts`): a storage sweeps away what is called so when it is old enough.
 * In any case, since many file systems tell none apart.
 */
const partFile = /^formgate-[0-9a-f]{32}\.part$/i

/**
 * Makes a stored name of the file name that a client sent, by the rules of Django's `sanitize_file_name`, and on
 * every system by what Windows would silently take for something else:
 *
 * - only what stands after the last `/` or `\` counts; a `\` at the end goes, since a file can be called `a\`, where a
 *   browser sends it so, but none is called `a/`;
 * - characters that do not print are dropped: controls (CR, LF, NUL, DEL, C1), line separators, lone surrogates,
 *   private-use and format characters, the latter because a bidi override can make `exe.png` of `gnp.exe`. Spaces of
 *   other kinds become plain ones;
 * - HTML entities and percent signs are ordinary characters;
 * - white space around the name and dots at its end go, because Windows ignores them: `x.php.` is `x.php` there;
 * - `:` becomes `_`, because `a.txt:b` is a hidden stream of `a.txt` there;
 * - a device name such as `CON` or `nul.txt` gets a `_` in front. What Windows refuses with an error (`<>"|?*`) stays;
 * - so does the name of a part file of Formgate's, which would be swept away;
 * - a name of more than 255 bytes is cut between two characters, before its extension.
 *
 * @param original the file name as the client sent it, decoded
 * @returns one safe path segment of 1 to 255 bytes in UTF-8; `undefined` where nothing is left (`''`, `.`, `..`, `a/`)
 */
export function safeFileName(original: string): string | undefined {
  const segment = lastSegment(original)
  // Most names are made of these characters alone, and need nothing of what follows.
  if (/^\w[\w-]{0,99}\.\w{1,9}$/.test(segment) && !isReserved(segment)) return segment
  const printable = segment
    .replace(/\p{Zs}/gu, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, '')
    .replaceAll(':', '_')
  const trimmed = trimEnd(printable.trimStart())
  if (trimmed === '') return undefined
  return shorten(isReserved(trimmed) ? `_${trimmed}` : trimmed)
}

function isReserved(name: string): boolean {
  return windowsDevice.test(name) || partFile.test(name)
}

/**
 * The extension of a safe name where it is fit for any use.
 *
 * @returns in lower case and with its dot, such as `.png`; `''` where it is missing, is longer than 16 characters or
 * has others than a to z and 0 to 9
 */
export function safeExtension(name: string): string {
  return /.(\.[a-z0-9]{1,16})$/i.exec(name)?.[1]?.toLowerCase() ?? ''
}

/**
 * Puts a suffix before the extension of a safe name, for one that is taken.
 *
 * @returns a safe name again, still of at most 255 bytes
 */
export function withSuffix(name: string, suffix: string): string {
  return shorten(name, suffix)
}

function lastSegment(path: string): string {
  let end = path.length
  while (path[end - 1] === '\\') end--
  const name = path.slice(0, end)
  return name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1)
}

function trimEnd(name: string): string {
  // A loop, since /[ .]+$/ takes quadratic time on a long run of dots that does not end the name.
  let end = name.length
  while (end > 0 && (name[end - 1] === '.' || name[end - 1] === ' ')) end--
  return name.slice(0, end)
}

function shorten(name: string, suffix = ''): string {
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
  // 10xxxxxx is the inside of a character: go back to where it starts.
  while (end < encoded.length && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--
  return encoded.toString('utf8', 0, end)
}
