/** The typed form. Shows each message of the schema below its input, from this page or from a server. */
import { fieldMessages } from '@formgate/core/client'
import { byId, element } from './element.js'
import { plural } from './format.js'
import { jsonView } from './json-view.js'
import { statusView } from './problem-view.js'
import { send } from './send.js'
import { SignUp } from './sign-up-schema.js'

/**
 * @param {object} options
 * @param {() => import('./app.js').Server} options.server The chosen one
 * @param {(sentence: string) => void} options.announce
 */
export function setUpSignUp({ server, announce }) {
  const form = byId('sign-up', HTMLFormElement)
  const outcome = byId('sign-up-outcome', HTMLDivElement)
  const names = new Set([...form.querySelectorAll('[name]')].map((input) => input.getAttribute('name') ?? ''))

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })

  async function submit() {
    const here = byId('check-here', HTMLInputElement).checked
    const issues = here ? await issuesHere(new FormData(form)) : undefined
    if (issues !== undefined) return show('This page', { errors: issues })
    const { name, url } = server()
    const request = { method: 'POST', url: `${url}/sign-up`, headers: {}, body: new FormData(form) }
    try {
      const { status, body } = await send(request)
      show(name, body, status)
    } catch (error) {
      outcome.replaceChildren(statusView(0, String(error)))
    }
  }

  /**
   * @param {string} by Who has validated the form
   * @param {unknown} answer
   * @param {number} [status]
   */
  function show(by, answer, status) {
    const isRefused = status === undefined || status >= 400
    const messages = isRefused ? fieldMessages(answer, names) : new Map()
    for (const name of names) showAt(name, messages.get(name) ?? [])
    byId('sign-up-rest', HTMLParagraphElement).textContent = (messages.get('') ?? []).join(' ')
    outcome.replaceChildren(
      element('p', { class: 'by' }, `${by}: `, status === undefined ? 'not sent' : statusView(status)),
      jsonView(answer, 'Answer'),
    )
    const count = [...messages.values()].flat().length
    announce(isRefused ? `${by} found ${plural(count, 'mistake')}.` : `${by} accepted the form.`)
    const wrong = form.querySelector('[aria-invalid="true"]')
    if (wrong instanceof HTMLElement) wrong.focus()
  }

  /**
   * @param {string} name
   * @param {readonly string[]} messages
   */
  function showAt(name, messages) {
    const place = byId(`${name}-message`, HTMLParagraphElement)
    place.textContent = messages.join('. ')
    for (const input of form.querySelectorAll(`[name="${name}"]`)) {
      input.setAttribute('aria-invalid', String(messages.length > 0))
      input.setAttribute('aria-describedby', place.id)
    }
  }
}

/**
 * Validates with the same schema before anything is sent. The page converts the texts of the form itself.
 *
 * @param {FormData} form
 * @returns {Promise<readonly { path: string, message: string }[] | undefined>}
 */
async function issuesHere(form) {
  const age = form.get('age')
  const portrait = form.get('portrait')
  const result = await SignUp.safeParseAsync({
    username: form.get('username'),
    email: form.get('email'),
    age: age === '' ? undefined : Number(age),
    address: { city: form.get('address.city'), postcode: form.get('address.postcode') },
    topics: form.getAll('topics'),
    // An empty file input yields a file without a name.
    portrait: portrait instanceof File && portrait.name !== '' ? portrait : undefined,
    terms: form.has('terms'),
  })
  return result.error?.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
}
