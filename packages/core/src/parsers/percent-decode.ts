/** Percent-encoding, as in URL-encoded forms and in the extended parameters of headers. */

/** The bytes that a percent-encoded text stands for; a `%` without two hexadecimal digits stands for itself. */
export function percentDecode(text: string): Buffer {
  return Buffer.from(text.replace(/%([0-9a-f]{2})/gi, fromHex), 'latin1')
}

function fromHex(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 16))
}
