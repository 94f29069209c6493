/** Builds a DOM element in one expression. Strings become text nodes, never HTML. */

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | number | boolean | ((event: Event) => unknown) | undefined>} [attributes] `onclick` and the
 * like take a listener; `true` sets a bare attribute; `false` and `undefined` set none
 * @param {...(Node | string | undefined)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(key.slice(2), value)
    else if (value === true) node.setAttribute(key, '')
    else if (value !== false && value !== undefined) node.setAttribute(key, String(value))
  }
  node.append(...children.filter((child) => child !== undefined))
  return node
}

/**
 * An element of the page. Throws if it is missing.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const node = document.getElementById(id)
  if (!(node instanceof kind)) throw new Error(`The page has no ${kind.name} with the id "${id}".`)
  return node
}
