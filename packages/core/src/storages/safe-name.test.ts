import { expect, test } from 'vitest'
import { safeExtension, safeFileName, withSuffix } from './safe-name.js'

const rows: readonly [original: string, safe: string | undefined, why: string][] = [
  ['photo.png', 'photo.png', 'an ordinary name stays'],
  ['My photo (1) – final.PNG', 'My photo (1) – final.PNG', 'spaces, brackets, dashes and case stay'],
  ['naïve 名前.txt', 'naïve 名前.txt', 'letters of any script stay'],
  ['.htaccess', '.htaccess', 'a dot file keeps its dot'],
  ['a"b<c>|d?*.txt', 'a"b<c>|d?*.txt', 'characters that Windows refuses with an error stay'],
  ['../../etc/passwd', 'passwd', 'folders are dropped'],
  ['..\\..\\boot.ini', 'boot.ini', 'folders of Windows are dropped'],
  ['C:\\Users\\me\\cv.pdf', 'cv.pdf', 'a drive is dropped'],
  ['/tmp\\mixed/cv.pdf', 'cv.pdf', 'both kinds of separator in one name'],
  ['..&#x2F;hax0rd.txt', '..&#x2F;hax0rd.txt', 'HTML entities are ordinary characters'],
  ['%2e%2e%2fhax0rd.txt', '%2e%2e%2fhax0rd.txt', 'percent signs are ordinary characters'],
  ['a\r\nSet-Cookie: x\0.txt', 'aSet-Cookie_ x.txt', 'CR, LF and NUL are dropped'],
  ['a\x7f\x85\x1b[31m.txt', 'a[31m.txt', 'DEL, C1 and escape characters are dropped'],
  ['invoice\u202egnp.exe', 'invoicegnp.exe', 'a bidi override cannot hide an extension'],
  ['a\u200d\u2066\ufeffb\u2028\u2029.txt', 'ab.txt', 'invisible characters and line separators are dropped'],
  ['at 3.05\u202fPM.png', 'at 3.05 PM.png', 'a narrow space, as in names of macOS, becomes a plain one'],
  ['a\ud800b.txt', 'ab.txt', 'half a surrogate pair is dropped'],
  ['file.txt:hidden', 'file.txt_hidden', 'a colon cannot name a hidden stream on Windows'],
  ['shell.php. . ', 'shell.php', 'dots and spaces at the end, which Windows ignores, are dropped'],
  ['  \u3000padded.txt', 'padded.txt', 'spaces at the start are dropped'],
  ['notes\\', 'notes', 'a backslash at the end, which a file on Unix may have, is dropped'],
  ['C:\\temp\\notes\\\\', 'notes', 'several backslashes at the end are dropped'],
  ['CON', '_CON', 'a device name of Windows gets an underscore'],
  ['nul.txt', '_nul.txt', 'a device name with an extension gets an underscore'],
  ['com1 .log', '_com1 .log', 'a device name with a space gets an underscore'],
  ['COM¹', '_COM¹', 'a device name with a superscript digit gets an underscore'],
  [
    `formgate-${'0'.repeat(32)}.part`,
    `_formgate-${'0'.repeat(32)}.part`,
    'the name of a temporary file, which the sweep would remove, gets an underscore',
  ],
  [
    `../FORMGATE-${'A'.repeat(32)}.Part. `,
    `_FORMGATE-${'A'.repeat(32)}.Part`,
    'so does one in upper case, with characters that Windows ignores',
  ],
  [
    `formgate-${'0'.repeat(31)}.part`,
    `formgate-${'0'.repeat(31)}.part`,
    'a name that only resembles a temporary file stays',
  ],
  ['console.log', 'console.log', 'a name that only begins like a device stays'],
  ['', undefined, 'no name'],
  ['.', undefined, 'the folder itself'],
  ['..', undefined, 'the folder above'],
  ['...', undefined, 'nothing but dots'],
  ['\0\r\n', undefined, 'nothing printable'],
  ['dir/', undefined, 'nothing after the separator'],
  ['\\', undefined, 'nothing but a separator'],
  ['..\\', undefined, 'the folder above, with a backslash'],
  ['a/\\', undefined, 'nothing between two separators'],
  ['a/..', undefined, 'the folder above, at the end of a path'],
  ['..\0', undefined, 'a dot name with an invisible character'],
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
  ['a very long extension is cut like the name', `a.${'b'.repeat(300)}`, 255, 'bbb'],
  ['a name without extension', 'x'.repeat(300), 255, 'xxx'],
  ['a device name stays within 255 bytes with its underscore', `nul.${'b'.repeat(251)}`, 255, 'bbb'],
]

test.each(long)('a long file name: %s', (_why, original, bytes, ending) => {
  const safe = safeFileName(original) ?? ''
  expect(Buffer.byteLength(safe)).toBe(bytes)
  expect(safe.endsWith(ending)).toBe(true)
  expect(safe).not.toContain('\ufffd')
})

test('a file name with a megabyte of dots takes linear time', () => {
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
])('the safe extension of the name %j is %j', (name, extension) => {
  expect(safeExtension(name)).toBe(extension)
})

test('a suffix is inserted before the extension, within 255 bytes', () => {
  expect(withSuffix('report.pdf', '_1')).toBe('report_1.pdf')
  expect(withSuffix('README', '_1')).toBe('README_1')
  expect(withSuffix('.env', '_1')).toBe('.env_1')
  const full = withSuffix(`${'ä'.repeat(125)}x.png`, '_12345678')
  expect(Buffer.byteLength(full)).toBeLessThanOrEqual(255)
  expect(full.endsWith('ä_12345678.png')).toBe(true)
})
