/** The list of answers, newest first, each with a progress bar until it arrives. */
import { byId, element } from './element.js'
import { formatBytes, formatTime, plural } from './format.js'
import { jsonView } from './json-view.js'
import { isProblem, problemView, statusView } from './problem-view.js'
import { send } from './send.js'
import { letters, thumbnail } from './thumbnail.js'

/** The most answers in the list. */
const kept = 8

/** The height of the sticky bar, in pixels. */
const barHeight = 64

/**
 * What `JSON.stringify` makes of an uploaded file.
 *
 * @typedef {{ field: string, name: string, originalName?: string, type: string, size: number }} SeenFile
 */

/**
 * @param {object} options
 * @param {(sentence: string) => void} options.announce
 */
export function setUpAnswers({ announce }) {
  const list = byId('answers', HTMLOListElement)

  return { show }

  /** @param {import('./request-form.js').Sending} sending */
  async function show({ server, label, request, files }) {
    byId('no-answers', HTMLDivElement).hidden = true
    for (const older of list.querySelectorAll('details')) if (!older.dataset['pending']) older.open = false

    const controller = new AbortController()
    const progress = progressView(() => controller.abort())
    const status = element('span', { class: 'status pending' }, 'Sending')
    const time = element('span', { class: 'time' })
    const content = element('div', { class: 'answer-body' }, progress.node)
    const details = element(
      'details',
      { open: true, class: 'answer panel', 'data-pending': 'true' },
      element(
        'summary',
        {},
        status,
        element(
          'span',
          { class: 'route' },
          `${request.method} ${decodeURIComponent(new URL(request.url).pathname)}`,
        ),
        element('span', { class: 'label' }, `${server} · ${label}`),
        time,
      ),
      content,
    )
    const item = element('li', {}, details)
    list.prepend(item)
    bringIntoView(item)
    while (list.children.length > kept) list.lastElementChild?.remove()

    try {
      const answer = await send(request, {
        onProgress: progress.sent,
        onReceived: progress.received,
        signal: controller.signal,
      })
      status.replaceWith(statusView(answer.status, answer.statusText))
      time.textContent = formatTime(answer.time)
      content.replaceChildren(...answerViews(answer.body, files))
      announce(summary(server, answer))
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      status.replaceWith(statusView(0, 'No answer'))
      content.replaceChildren(element('p', { class: 'detail' }, message))
      announce(message)
    }
    delete details.dataset['pending']
  }
}

/**
 * On a phone the answers are below the form; on a desktop they may be scrolled out of view.
 *
 * @param {HTMLElement} node
 */
function bringIntoView(node) {
  const { top } = node.getBoundingClientRect()
  const isInView = top > barHeight && top < 0.8 * innerHeight
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
  if (!isInView) node.scrollIntoView({ behavior: calm ? 'instant' : 'smooth' })
}

/**
 * @param {string} server
 * @param {import('./send.js').Answer} answer
 */
function summary(server, { status, body }) {
  if (isProblem(body)) return `${server} answered ${status}: ${body.detail}`
  if (!isEcho(body)) return `${server} answered ${status}.`
  const fileCount = Object.values(body.files).flat().length
  return `${server} answered ${status} with ${plural(fileCount, 'file')}.`
}

/**
 * @param {unknown} body
 * @param {readonly File[]} sent
 */
function answerViews(body, sent) {
  if (isProblem(body)) return [problemView(body)]
  if (!isEcho(body)) return [jsonView(body, 'Body of the answer')]
  return [
    element('h3', {}, 'data'),
    jsonView(body.data, 'data'),
    element('h3', {}, 'files'),
    ...filesViews(body.files, sent),
  ]
}

/**
 * @param {unknown} body
 * @returns {body is { data: unknown, files: Record<string, SeenFile[]> }}
 */
function isEcho(body) {
  return typeof body === 'object' && body !== null && 'data' in body && 'files' in body
}

/**
 * @param {Record<string, SeenFile[]>} files
 * @param {readonly File[]} sent
 */
function filesViews(files, sent) {
  const fields = Object.entries(files)
  if (fields.length === 0) return [element('p', { class: 'none' }, 'No files in this request.')]
  return fields.map(([field, seen]) =>
    element(
      'div',
      { class: 'field-files' },
      element('h4', {}, field, element('small', {}, ` ${plural(seen.length, 'file')}`)),
      element('ul', { class: 'cards' }, ...seen.map((file, index) => fileCard(file, sent[index]))),
    ),
  )
}

/**
 * @param {SeenFile} seen
 * @param {File | undefined} sent The file that was sent
 */
function fileCard(seen, sent) {
  const whole = sent !== undefined && sent.size === seen.size
  return element(
    'li',
    {},
    whole ? thumbnail(sent) : letters(seen.name),
    element('span', { class: 'file-name' }, seen.name),
    element('span', { class: 'file-type' }, seen.type || 'no type'),
    element('span', { class: 'file-size' }, formatBytes(seen.size), whole ? ', as sent' : ''),
  )
}

/** @param {() => void} onCancel */
function progressView(onCancel) {
  const bar = element('progress', { max: 1, value: 0, 'aria-label': 'Upload' })
  const text = element('span', {}, 'Connecting')
  const server = element('span', { class: 'received' })
  const node = element(
    'div',
    { class: 'progress' },
    bar,
    element(
      'p',
      {},
      text,
      server,
      element('button', { type: 'button', class: 'quiet', onclick: onCancel }, 'Cancel'),
    ),
  )
  return { node, sent, received }

  /**
   * @param {number} bytes
   * @param {number} total
   */
  function sent(bytes, total) {
    bar.value = total === 0 ? 1 : bytes / total
    text.textContent =
      bytes < total
        ? `${formatBytes(bytes)} of ${formatBytes(total)} (${Math.round((100 * bytes) / total)} %)`
        : `${formatBytes(total)} sent, waiting for the answer`
  }

  /** @param {number} bytes */
  function received(bytes) {
    server.textContent = `${formatBytes(bytes)} received by the server`
  }
}
