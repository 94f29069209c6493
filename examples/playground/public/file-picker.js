/** Chooses files by dialog, drag and drop, paste, or as generated pictures. */
import { byId, element } from './element.js'
import { formatBytes } from './format.js'
import { paintPostcard } from './postcard.js'
import { thumbnail } from './thumbnail.js'

/**
 * @param {object} options
 * @param {() => void} options.onChange
 */
export function setUpFilePicker({ onChange }) {
  const input = byId('files', HTMLInputElement)
  const drop = byId('drop', HTMLLabelElement)
  const list = byId('chosen', HTMLUListElement)
  /** @type {File[]} */
  const files = []

  input.addEventListener('change', () => {
    add(input.files)
    // Lets the same file be chosen again after it was removed.
    input.value = ''
  })
  for (const type of ['dragenter', 'dragover']) {
    drop.addEventListener(type, (event) => {
      event.preventDefault()
      drop.classList.add('over')
    })
  }
  drop.addEventListener('dragleave', () => drop.classList.remove('over'))
  drop.addEventListener('drop', (event) => {
    event.preventDefault()
    drop.classList.remove('over')
    add(event.dataTransfer?.files)
  })
  // Otherwise the browser opens a file that is dropped outside the zone.
  for (const type of ['dragover', 'drop']) document.addEventListener(type, (event) => event.preventDefault())
  document.addEventListener('paste', (event) => add(event.clipboardData?.files))

  let painted = 0
  byId('add-sample', HTMLButtonElement).addEventListener('click', () => {
    painted += 1
    void paintPostcard(painted).then((picture) => add([picture]))
  })

  return { files: () => files }

  /** @param {Iterable<File> | null | undefined} added */
  function add(added) {
    for (const file of added ?? []) {
      files.push(file)
      list.append(item(file))
    }
    onChange()
  }

  /** @param {File} file */
  function item(file) {
    const remove = () => {
      files.splice(files.indexOf(file), 1)
      node.remove()
      onChange()
      input.focus()
    }
    const node = element(
      'li',
      {},
      thumbnail(file),
      element('span', { class: 'file-name' }, file.name),
      element('span', { class: 'file-size' }, formatBytes(file.size)),
      element(
        'button',
        { type: 'button', class: 'remove', 'aria-label': `Remove ${file.name}`, onclick: remove },
        '×',
      ),
    )
    return node
  }
}
