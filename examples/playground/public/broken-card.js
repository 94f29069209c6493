/** One broken request: its bytes and its answer. */
import { bytesView } from './bytes-view.js'
import { element } from './element.js'
import { isProblem, problemView, statusView } from './problem-view.js'
import { send } from './send.js'

/** @typedef {import('./broken-requests.js').BrokenRequest} BrokenRequest */
/** @typedef {import('./app.js').Server} Server */
/** @typedef {Pick<import('./send.js').Answer, 'status' | 'statusText' | 'body'>} Told */

/**
 * @param {BrokenRequest} request
 * @param {object} options
 * @param {readonly Server[]} options.servers
 * @param {() => Server} options.server The chosen one
 * @param {(sentence: string) => void} options.announce
 */
export function brokenCard(request, { servers, server, announce }) {
  const titleId = `broken-${request.id}`
  const outcome = element('div', { class: 'outcome' })
  const node = element(
    'article',
    { class: 'card panel', 'aria-labelledby': titleId },
    element(
      'div',
      { class: 'card-head' },
      element('div', {}, element('h4', { id: titleId }, request.title), element('p', {}, request.story)),
      element('button', { type: 'button', 'aria-describedby': titleId, onclick: sendToChosen }, 'Send'),
    ),
    bytesView(request),
    outcome,
  )
  return { node, sendToAll }

  async function sendToChosen() {
    const { name, url } = server()
    const told = await tell(request, url)
    show(told, `From ${name}`)
    announce(isProblem(told.body) ? `${told.status}: ${told.body.detail}` : told.statusText)
  }

  /** @returns {Promise<boolean>} True if all servers gave the expected answer */
  async function sendToAll() {
    const chosen = server()
    const all = await Promise.all(
      servers.map(async ({ name, url }) => ({ name, told: await tell(request, url) })),
    )
    const { told } = all.find(({ name }) => name === chosen.name) ?? { told: noAnswer }
    const others = all.filter((other) => !isSame(other.told, told)).map(({ name }) => name)
    show(
      told,
      others.length === 0
        ? `Same answer from ${list(servers.map(({ name }) => name))}`
        : `From ${chosen.name}. Different answer from ${list(others)}.`,
    )
    return others.length === 0 && isExpected(request, told)
  }

  /**
   * @param {Told} told
   * @param {string} from
   */
  function show(told, from) {
    const { status, statusText, body } = told
    const text = isProblem(body) ? body.title : statusText
    outcome.replaceChildren(
      element('p', { class: 'outcome-head' }, statusView(status, text), verdict(request, told)),
      isProblem(body) ? problemView(body) : element('p', { class: 'detail' }, String(body)),
      element('p', { class: 'from' }, from),
    )
  }
}

/** @type {Told} */
const noAnswer = { status: 0, statusText: 'No answer', body: '' }

/**
 * @param {BrokenRequest} request
 * @param {string} url Of the server
 * @returns {Promise<Told>}
 */
async function tell({ method, path, headers, body }, url) {
  try {
    // As bytes: for text, browsers add a Content-Type or change its charset.
    return await send({ method, url: url + path, headers, body: new TextEncoder().encode(body) })
  } catch (error) {
    return { ...noAnswer, body: error instanceof Error ? error.message : error }
  }
}

/**
 * @param {BrokenRequest} request
 * @param {Told} told
 */
function verdict(request, told) {
  const { status, code } = request.answer
  return isExpected(request, told)
    ? element('span', { class: 'verdict good' }, 'as expected')
    : element('span', { class: 'verdict failed' }, `expected ${status} ${code}`)
}

/**
 * @param {BrokenRequest} request
 * @param {Told} told
 */
function isExpected({ answer }, { status, body }) {
  return status === answer.status && isProblem(body) && body.code === answer.code
}

/**
 * @param {Told} one
 * @param {Told} other
 */
function isSame(one, other) {
  return one.status === other.status && JSON.stringify(one.body) === JSON.stringify(other.body)
}

/** @param {string[]} names */
function list(names) {
  return new Intl.ListFormat('en-GB').format(names)
}
