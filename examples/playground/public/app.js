/** Sets up the page. */
import { setUpAnswers } from './answers.js'
import { setUpBrokenShelf } from './broken-shelf.js'
import { byId, element } from './element.js'
import { setUpEvents } from './events.js'
import { setUpRequestForm } from './request-form.js'
import { setUpSignUp } from './sign-up.js'

/**
 * @typedef {object} Server
 * @property {string} name
 * @property {string} url Without a path
 */

const servers = await knownServers()
const frameworks = byId('frameworks', HTMLFieldSetElement)
for (const [index, { name, url }] of servers.entries()) frameworks.append(option(index, name, new URL(url)))

const answers = setUpAnswers({ announce })
const form = setUpRequestForm({ server: chosenServer, onSend: answers.show })
setUpSignUp({ server: chosenServer, announce })
setUpBrokenShelf({ servers, server: chosenServer, announce })
setUpEvents()

frameworks.addEventListener('change', form.refresh)

const menu = byId('menu', HTMLDetailsElement)
document.addEventListener('click', ({ target }) => {
  const isInside = target instanceof Node && menu.contains(target)
  if (!isInside || target instanceof HTMLAnchorElement) menu.open = false
})

/** @returns {Promise<Server[]>} The three servers, under the host name of this page */
async function knownServers() {
  const response = await fetch('servers.json')
  /** @type {{ name: string, port: number }[]} */
  const list = await response.json()
  return list.map(({ name, port }) => ({ name, url: `http://${location.hostname}:${port}` }))
}

/** @returns {Server} */
function chosenServer() {
  const checked = frameworks.querySelector('input:checked')
  const index = checked instanceof HTMLInputElement ? Number(checked.value) : 0
  return /** @type {Server} */ (servers[index])
}

/**
 * @param {number} index
 * @param {string} name
 * @param {URL} url
 */
function option(index, name, url) {
  const checked = url.origin === location.origin
  return element(
    'label',
    {},
    element('input', { type: 'radio', name: 'framework', value: index, checked }),
    element('span', {}, name, element('small', {}, `:${url.port}`)),
  )
}

/**
 * Announces a sentence to screen readers: whole answers would be far too long.
 *
 * @param {string} sentence
 */
function announce(sentence) {
  byId('announcer', HTMLParagraphElement).textContent = sentence
}
