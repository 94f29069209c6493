/** The curl command that sends the content of the form. */

/**
 * @typedef {object} FormContent
 * @property {'multipart' | 'urlencoded' | 'json' | 'raw'} encoding
 * @property {string} url Address of the server, without a path
 * @property {[name: string, value: string][]} fields
 * @property {Record<string, unknown>} json The same fields as one object
 * @property {string} fileField
 * @property {readonly { readonly name: string, readonly type: string }[]} files
 */

/**
 * @param {FormContent} content
 * @returns {string} For a POSIX shell, one argument per line. File names are relative: browsers do not reveal paths.
 */
export function curlLine({ encoding, url, fields, json, fileField, files }) {
  switch (encoding) {
    case 'multipart':
      return command([
        ...fields.map(([name, value]) => formArgument(name, value)),
        ...files.map((file) => `-F ${quote(`${fileField}=@${curlName(file.name)}${typeSuffix(file.type)}`)}`),
        quote(`${url}/echo`),
      ])
    case 'urlencoded':
      return command([
        ...fields.map(([name, value]) => `--data-urlencode ${quote(`${encodeURIComponent(name)}=${value}`)}`),
        ...(fields.length > 0 ? [] : [`--data ''`]),
        quote(`${url}/echo`),
      ])
    case 'json':
      return command([`--json ${quote(JSON.stringify(json))}`, quote(`${url}/echo`)])
    case 'raw':
      return files
        .map((file) =>
          command([
            // Otherwise curl expands brackets and braces in the URL.
            ...(/[[\]{}]/.test(file.name) ? ['--globoff'] : []),
            `-T ${quote(file.name)}`,
            ...(file.type === '' ? [] : [`-H ${quote(`Content-Type: ${file.type}`)}`]),
            quote(`${url}/raw/${encodeURIComponent(file.name)}`),
          ]),
        )
        .join('\n')
  }
}

/** @param {string[]} args */
function command(args) {
  return `curl ${args.join(' \\\n  ')}`
}

/**
 * -F interprets some leading characters, white space at the ends and semicolons.
 *
 * @param {string} name
 * @param {string} value
 */
function formArgument(name, value) {
  const plain = /^[\p{L}\p{N}][^;]*$/u.test(value) && value.trim() === value
  return `${plain ? '-F' : '--form-string'} ${quote(`${name}=${value}`)}`
}

/** @param {string} name */
function curlName(name) {
  return /[",;\\]/.test(name) ? `"${name.replaceAll(/["\\]/g, '\\$&')}"` : name
}

/** @param {string} type */
function typeSuffix(type) {
  return type === '' ? '' : `;type=${type}`
}

/** @param {string} text */
function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
