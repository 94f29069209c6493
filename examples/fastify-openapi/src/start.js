/** Starts the example. */
import { createApp } from './app.js'

const app = await createApp()
const address = await app.listen({ port: Number(process.env['PORT'] ?? 3000), host: 'localhost' })
console.log(`Open ${address}/docs and try POST /albums.`)
