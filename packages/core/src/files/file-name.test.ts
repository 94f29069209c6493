import { expect, test } from 'vitest'
import { safeExtension, safeFileName, withSuffix } from './file-name.js'

const rows: readonly [original: string, safe: string | undefined, why: string][] = [
  ['photo.png', 'photo.png', 'an ordinary name stays'],
  ['My photo (1) – final.PNG', 'My photo (1) – final.PNG', 'so do spaces, brackets, dashes and case'],
  ['naïve 名前.txt', 'naïve 名前.txt', 'and letters of any script'],
  ['.htaccess', '.htaccess', 'a dot file keeps its dot'],
  ['a"b<c>|d?*.txt', 'a"b<c>|d?*.txt', 'what Windows refuses with an error stays'],
  ['../../etc/passwd', 'passwd', 'folders go'],
  ['..\\..\\boot.ini', 'boot.ini', 'folders of Windows go'],
  ['C:\\Users\\me\\cv.pdf', 'cv.pdf', 'a drive goes'],
  ['/tmp\\mixed/cv.pdf', 'cv.pdf', 'both kinds of separator in one name'],
  ['..&#x2F;hax0rd.txt', '..&#x2F;hax0rd.txt', 'HTML entities are ordinary characters'],
  ['%2e%2e%2fhax0rd.txt', '%2e%2e%2fhax0rd.txt', 'so are percent signs'],
  ['a\r\nSet-Cookie: x\0.txt', 'aSet-Cookie_ x.txt', 'CR, LF and NUL go'],
  ['a\x7f\x85\x1b[31m.txt', 'a[31m.txt', 'DEL, C1 and escape characters go'],
  ['invoice\u202egnp.exe', 'invoicegnp.exe', 'a bidi override cannot hide an extension'],
  ['a\u200d\u2066\ufeffb\u2028\u2029.txt', 'ab.txt', 'invisible characters and line separators go'],
  ['at 3.05\u202fPM.png', 'at 3.05 PM.png', 'a narrow space, as macOS writes it, becomes a plain one'],
  ['a\ud800b.txt', 'ab.txt', 'half a surrogate pair goes'],
  ['file.txt:hidden', 'file.txt_hidden', 'no hidden stream on Windows'],
  ['shell.php. . ', 'shell.php', 'dots and spaces at the end, which Windows ignores, go'],
  ['  \u3000padded.txt', 'padded.txt', 'spaces in front go'],
  ['notes\\', 'notes', 'a backslash at the end, which a file on Unix may have, goes'],
  ['C:\\temp\\notes\\\\', 'notes', 'however many there are'],
  ['CON', '_CON', 'a device name of Windows is none any more'],
  ['nul.txt', '_nul.txt', 'with an extension too'],
  ['com1 .log', '_com1 .log', 'and with a space'],
  ['COM¹', '_COM¹', 'and with a superscript digit'],
  [
    `formgate-${'0'.repeat(32)}.part`,
    `_formgate-${'0'.repeat(32)}.part`,
    'the name of a part file, which a sweep would take, is none any more',
  ],
  [
    `../FORMGATE-${'A'.repeat(32)}.Part. `,
    `_FORMGATE-${'A'.repeat(32)}.Part`,
    'in any case, and with what Windows ignores',
  ],
  [`formgate-${'0'.repeat(31)}.part`, `formgate-${'0'.repeat(31)}.part`, 'a name that is only like it stays'],
  ['console.log', 'console.log', 'a name that only begins like a device stays'],
  ['', undefined, 'no name'],
  ['.', undefined, 'the folder itself'],
  ['..', undefined, 'the folder above'],
  ['...', undefined, 'nothing but dots'],
  ['\0\r\n', undefined, 'nothing that prints'],
  ['dir/', undefined, 'nothing after the separator'],
  ['\\', undefined, 'nothing but a separator'],
  ['..\\', undefined, 'the folder above, with a backslash'],
  ['a/\\', undefined, 'nothing between two separators'],
  ['a/..', undefined, 'the folder above, at the end of a path'],
  ['..\0', undefined, 'a dot name that only looks like another'],
]

test.each(rows)('the file name %j is stored as %j: %s', (original, safe) => {
  expect(safeFileName(original)).toBe(safe)
})

const accepted = rows.filter(([, safe]) => safe !== undefined)

test.each(accepted)('the stored form of the file name %j is safe as it is', (_original, safe = '') => {
  expect(safeFileName(safe)).toBe(safe)
})

const long: readonly [why: string, original: string, bytes: number, ending: string][] = [
  ['255 bytes stay', `${'a'.repeat(251)}.png`, 255, 'aaa.png'],
  ['256 bytes are cut before the extension', `${'a'.repeat(252)}.png`, 255, 'aaa.png'],
  ['a character of two bytes is never halved', `${'ä'.repeat(200)}.png`, 254, 'ää.png'],
  ['a character of four bytes is never halved', `${'😀'.repeat(100)}.jpeg`, 253, '😀.jpeg'],
  ['an extension that is no extension does not count', `a.${'b'.repeat(300)}`, 255, 'bbb'],
  ['a name without extension', 'x'.repeat(300), 255, 'xxx'],
  ['a device name gets no longer than that', `nul.${'b'.repeat(251)}`, 255, 'bbb'],
]

test.each(long)('a long file name: %s', (_why, original, bytes, ending) => {
  const safe = safeFileName(original) ?? ''
  expect(Buffer.byteLength(safe)).toBe(bytes)
  expect(safe.endsWith(ending)).toBe(true)
  expect(safe).not.toContain('\ufffd')
})

test('a file name of a megabyte of dots is refused in no time', () => {
  const start = process.cpuUsage()
  expect(safeFileName(`a${'.'.repeat(1_000_000)}a${'. '.repeat(500_000)}`)).toMatch(/^a\.+/)
  const { user, system } = process.cpuUsage(start)
  expect((user + system) / 1000).toBeLessThan(1000)
})

test.each([
  ['photo.PNG', '.png'],
  ['archive.tar.gz', '.gz'],
  ['README', ''],
  ['.png', ''],
  ['a.p%20ng', ''],
  ['a.ätz', ''],
  [`a.${'b'.repeat(17)}`, ''],
])('of the name %j the extension %j is kept', (name, extension) => {
  expect(safeExtension(name)).toBe(extension)
})

test('a suffix stands before the extension, and fits into 255 bytes', () => {
  expect(withSuffix('report.pdf', '_1')).toBe('report_1.pdf')
  expect(withSuffix('README', '_1')).toBe('README_1')
  expect(withSuffix('.env', '_1')).toBe('.env_1')
  const full = withSuffix(`${'ä'.repeat(125)}x.png`, '_12345678')
  expect(Buffer.byteLength(full)).toBeLessThanOrEqual(255)
  expect(full.endsWith('ä_12345678.png')).toBe(true)
})
