/** Runs the apps: `node serve.mjs HOST` prints their addresses as JSON and ends with its input. */
import { startApps } from './apps.mjs'

const [host = '127.0.0.1'] = process.argv.slice(2)
const apps = await startApps(host)
console.log(JSON.stringify(Object.fromEntries(Object.entries(apps).map(([name, { url }]) => [name, url]))))
process.stdin.on('end', () => process.exit()).resume()
