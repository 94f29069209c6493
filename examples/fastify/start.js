/** Starts the app: npm start. */
import { createApp } from './app.js'

const { PORT = '3000', UPLOADS = 'uploads' } = process.env
const app = await createApp(UPLOADS)
await app.listen({ port: Number(PORT), host: 'localhost' })
console.log(app.listeningOrigin)
