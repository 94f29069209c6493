/** Starts the app: npm start. */
import { createApp } from './app.js'

const { PORT = '3000', UPLOADS = 'uploads' } = process.env
const server = createApp(UPLOADS).listen(Number(PORT), 'localhost', (error) => {
  if (error) throw error
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`http://localhost:${port}`)
})
