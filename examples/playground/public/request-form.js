/** The form and the requests that it sends. */
import { curlLine } from './curl.js'
import { byId, element } from './element.js'
import { setUpFilePicker } from './file-picker.js'
import { formatBytes } from './format.js'

/** @typedef {'multipart' | 'urlencoded' | 'json' | 'raw'} Encoding */

/**
 * @typedef {object} Sending
 * @property {string} server Name of the framework
 * @property {string} label What is sent
 * @property {import('./send.js').Outgoing} request
 * @property {readonly File[]} files In the order in which they are sent
 */

const samples = [
  ['title', 'Summer postcards'],
  ['year', '2024'],
]

/** @type {Record<Encoding, string>} */
const notes = {
  multipart: 'Fields and files in one body: what a browser sends for a form with a file input.',
  urlencoded: 'What a browser sends for a form without files. Chosen files are not sent.',
  json: 'The fields as one object. Chosen files are not sent.',
  raw: 'Each file is the body of a separate request. Fields are not sent.',
}

/**
 * @param {object} options
 * @param {() => import('./app.js').Server} options.server
 * @param {(sending: Sending) => unknown} options.onSend Called once for each request
 */
export function setUpRequestForm({ server, onSend }) {
  const form = byId('request', HTMLFormElement)
  const rows = byId('fields', HTMLUListElement)
  const fileField = byId('file-field', HTMLInputElement)
  const picker = setUpFilePicker({ onChange: refresh })

  for (const [name, value] of samples) rows.append(row(name, value))
  form.addEventListener('input', refresh)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    for (const sending of sendings()) onSend(sending)
  })
  byId('add-field', HTMLButtonElement).addEventListener('click', () => {
    const added = row()
    rows.append(added)
    added.querySelector('input')?.focus()
    refresh()
  })
  setUpCopy()
  refresh()
  return { refresh }

  function refresh() {
    const encoding = chosenEncoding()
    const { url } = server()
    const files = picker.files()
    const nothingToSend = encoding === 'raw' && files.length === 0
    form.dataset['encoding'] = encoding
    byId('encoding-note', HTMLParagraphElement).textContent = notes[encoding]
    byId('target', HTMLElement).textContent =
      encoding === 'raw' ? `PUT ${url}/raw/:filename` : `POST ${url}/echo`
    byId('send', HTMLButtonElement).disabled = nothingToSend
    byId('copy', HTMLButtonElement).disabled = nothingToSend
    byId('curl', HTMLPreElement).textContent = nothingToSend
      ? 'Choose a file first.'
      : curlLine({
          encoding,
          url,
          fields: fields(),
          json: fieldsAsObject(),
          fileField: fileField.value,
          files,
        })
  }

  /** @returns {Encoding} */
  function chosenEncoding() {
    return /** @type {Encoding} */ (new FormData(form).get('encoding'))
  }

  /** @returns {[name: string, value: string][]} In the order of the page; rows without a name are left out */
  function fields() {
    const named = [...rows.children].map((each) => {
      const [name, value] = each.querySelectorAll('input')
      return /** @type {[string, string]} */ ([name?.value ?? '', value?.value ?? ''])
    })
    const topics = [...form.querySelectorAll('input')]
      .filter(({ name, checked }) => name === 'topics' && checked)
      .map(({ name, value }) => /** @type {[string, string]} */ ([name, value]))
    const note = byId('note', HTMLTextAreaElement)
    return [...named.filter(([name]) => name !== ''), ...topics, ['note', note.value]]
  }

  /** A repeated name becomes a list; `topics` is always one. */
  function fieldsAsObject() {
    const grouped = Object.entries(Object.groupBy(fields(), ([name]) => name))
    return Object.fromEntries(
      grouped.map(([name, entries = []]) => {
        const values = entries.map(([, value]) => value)
        return [name, values.length === 1 && name !== 'topics' ? values[0] : values]
      }),
    )
  }

  /** @returns {Sending[]} */
  function sendings() {
    const encoding = chosenEncoding()
    const { name, url } = server()
    const files = picker.files()
    const echo = { method: 'POST', url: `${url}/echo` }
    switch (encoding) {
      case 'multipart': {
        const body = new FormData()
        for (const [name, value] of fields()) body.append(name, value)
        for (const file of files) body.append(fileField.value, file)
        return [{ server: name, label: 'Multipart', request: { ...echo, headers: {}, body }, files }]
      }
      case 'urlencoded': {
        const body = new URLSearchParams(fields())
        return [{ server: name, label: 'URL-encoded', request: { ...echo, headers: {}, body }, files: [] }]
      }
      case 'json': {
        const headers = { 'Content-Type': 'application/json' }
        const body = JSON.stringify(fieldsAsObject())
        return [{ server: name, label: 'JSON', request: { ...echo, headers, body }, files: [] }]
      }
      case 'raw':
        return files.map((file) => ({
          server: name,
          label: `Raw file, ${formatBytes(file.size)}`,
          request: {
            method: 'PUT',
            url: `${url}/raw/${encodeURIComponent(file.name)}`,
            headers: { 'Content-Type': file.type || 'application/octet-stream' },
            body: file,
          },
          files: [file],
        }))
    }
  }

  /**
   * @param {string} [name]
   * @param {string} [value]
   */
  function row(name = '', value = '') {
    const remove = () => {
      item.remove()
      refresh()
      byId('add-field', HTMLButtonElement).focus()
    }
    const item = element(
      'li',
      {},
      element('input', {
        type: 'text',
        value: name,
        'aria-label': 'Name',
        placeholder: 'name',
        autocomplete: 'off',
      }),
      element('input', {
        type: 'text',
        value,
        'aria-label': 'Value',
        placeholder: 'value',
        autocomplete: 'off',
      }),
      element(
        'button',
        { type: 'button', class: 'remove', 'aria-label': 'Remove this field', onclick: remove },
        '×',
      ),
    )
    return item
  }
}

function setUpCopy() {
  const button = byId('copy', HTMLButtonElement)
  button.addEventListener('click', () => void copy())

  async function copy() {
    const line = byId('curl', HTMLPreElement)
    try {
      await navigator.clipboard.writeText(line.textContent ?? '')
      button.textContent = 'Copied'
    } catch {
      // Without access to the clipboard, the line is selected for Ctrl+C.
      getSelection()?.selectAllChildren(line)
      button.textContent = 'Press Ctrl+C'
    }
    setTimeout(() => (button.textContent = 'Copy'), 1600)
  }
}
