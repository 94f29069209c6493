/** A thumbnail of an image, or the extension of another file. */
import { element } from './element.js'

/** @param {Blob & { readonly name: string }} file */
export function thumbnail(file) {
  if (!file.type.startsWith('image/')) return letters(file.name)
  const url = URL.createObjectURL(file)
  const image = element('img', { class: 'thumbnail', src: url, alt: '' })
  image.addEventListener('load', () => URL.revokeObjectURL(url))
  image.addEventListener('error', () => {
    URL.revokeObjectURL(url)
    image.replaceWith(letters(file.name))
  })
  return image
}

/** @param {string} name */
export function letters(name) {
  const ending = /\.(\w{1,4})$/.exec(name)?.[1] ?? 'file'
  return element('span', { class: 'thumbnail letters', 'aria-hidden': 'true' }, ending)
}
