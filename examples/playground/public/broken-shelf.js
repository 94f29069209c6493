/** The broken requests, and the button that sends them all. */
import { brokenCard } from './broken-card.js'
import { brokenRequests, shelves } from './broken-requests.js'
import { byId, element } from './element.js'

/**
 * @param {object} options
 * @param {readonly import('./app.js').Server[]} options.servers
 * @param {() => import('./app.js').Server} options.server The chosen one
 * @param {(sentence: string) => void} options.announce
 */
export function setUpBrokenShelf({ servers, server, announce }) {
  const cards = new Map(
    brokenRequests.map((request) => [request, brokenCard(request, { servers, server, announce })]),
  )
  // On a phone, two dozen requests would be ten screens.
  const open = matchMedia('(min-width: 940px)').matches
  byId('shelves', HTMLDivElement).append(
    ...shelves.map(({ title, about, requests }) =>
      element(
        'details',
        { class: 'shelf', open },
        element('summary', {}, element('h3', {}, title)),
        element('p', {}, about),
        element('div', { class: 'shelf-cards' }, ...requests.map((request) => cards.get(request)?.node)),
      ),
    ),
  )

  const button = byId('send-all', HTMLButtonElement)
  const tally = byId('tally', HTMLParagraphElement)
  tally.textContent = `${brokenRequests.length} requests`
  button.addEventListener('click', () => void sendAll())

  async function sendAll() {
    if (button.ariaDisabled === 'true') return
    // Not `disabled`, which would lose the keyboard focus.
    button.ariaDisabled = 'true'
    let agreed = 0
    let sent = 0
    for (const card of cards.values()) {
      if (await card.sendToAll()) agreed += 1
      sent += 1
      tally.textContent = `${sent} of ${brokenRequests.length} sent`
    }
    tally.textContent = `${agreed} of ${sent} as expected, with the same answer from all servers`
    announce(tally.textContent)
    button.ariaDisabled = 'false'
  }
}
