/**
 * Blocks of code that directly follow each other, one for each framework, become tabs. The pages need no markup for it, and
 * their tests send the request below such blocks to each of them.
 */

const names = { express: 'Express', koa: 'Koa', fastify: 'Fastify', nest: 'Nest' }

/** @param {{ tokens: import('markdown-it').Token[] }} state of markdown-it, after all its own rules */
export function groupFrameworks(state) {
  const { tokens, Token } = state
  const grouped = []
  for (let at = 0; at < tokens.length;) {
    const group = []
    while (at + group.length < tokens.length) {
      const token = tokens[at + group.length]
      const name = token.type === 'fence' ? frameworkOf(token.content) : undefined
      if (name === undefined || group.some((other) => other.name === name)) break
      group.push({ name, token })
    }
    if (group.length < 2) {
      grouped.push(tokens[at])
      at += 1
      continue
    }
    for (const { name, token } of group) token.info = `${token.info.split(' ')[0]} [${name}]`
    // VitePress renders its container of tabs from the fences inside.
    const open = new Token('container_code-group_open', 'div', 1)
    open.info = ' code-group'
    open.block = true
    open.map = group[0].token.map
    grouped.push(open, ...group.map(({ token }) => token), new Token('container_code-group_close', 'div', -1))
    at += group.length
  }
  state.tokens = grouped
}

/** The framework of a block of code. */
function frameworkOf(code) {
  const [, name] =
    /(?:from '@formgate\/|npm install @formgate\/)(express|koa|fastify|nest)\b/.exec(code) ?? []
  return name && names[name]
}
