/** The message in the terminal when the servers are running. */
import { fileURLToPath } from 'node:url'

const picture = fileURLToPath(new URL('../public/icon.svg', import.meta.url))

/**
 * @param {string} host
 * @param {readonly { readonly name: string, readonly port: number }[]} servers
 */
export function welcome(host, servers) {
  const urls = servers.map(({ port }) => `http://${host}:${port}`)
  const [express, koa, fastify] = urls
  return `
  The Formgate playground is running. Open one of these:

${servers.map(({ name }, index) => `    ${name.padEnd(9)}${urls[index]}`).join('\n')}

  Or run one of these:

    curl -F title=Hello -F topics=sea -F topics=city -F ${quote(`photo=@${picture}`)} ${express}/echo
    curl --json ${quote('{"title":"Hello","topics":["sea","city"]}')} ${koa}/echo
    curl -T ${quote(picture)} ${fastify}/raw/icon.svg
`
}

/** @param {string} argument */
function quote(argument) {
  if (/^[\w@=:./-]+$/.test(argument)) return argument
  return process.platform === 'win32'
    ? `"${argument.replaceAll('"', '\\"')}"`
    : `'${argument.replaceAll("'", `'\\''`)}'`
}
