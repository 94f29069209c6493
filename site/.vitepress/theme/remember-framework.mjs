/** Choosing a framework in one group of tabs chooses it in every group, on every page, also after a reload. */

const key = 'formgate-framework'

/** @param {import('vitepress').Router} router */
export function rememberFramework(router) {
  document.addEventListener('change', ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.closest('.vp-code-group .tabs')) return
    const name = labelOf(target)
    try {
      localStorage.setItem(key, name)
    } catch {
      // A browser without storage remembers for this page.
    }
    choose(name)
  })
  const after = router.onAfterPageLoad
  router.onAfterPageLoad = (to) => {
    after?.(to)
    requestAnimationFrame(restore)
  }
  addEventListener('load', restore)
}

function restore() {
  try {
    const name = localStorage.getItem(key)
    if (name !== null) choose(name)
  } catch {
    // As above.
  }
}

/** @param {string} name */
function choose(name) {
  for (const group of document.querySelectorAll('.vp-code-group')) {
    const inputs = [...group.querySelectorAll('.tabs input')]
    const at = inputs.findIndex((input) => labelOf(input) === name)
    if (at === -1) continue
    inputs[at].checked = true
    group.querySelectorAll('.blocks > *').forEach((block, index) => {
      block.classList.toggle('active', index === at)
    })
  }
}

function labelOf(input) {
  return input.labels?.[0]?.textContent ?? ''
}
