/** Starts the app: npm start. */
import type { AddressInfo } from 'node:net'
import { NestFactory } from '@nestjs/core'
import { AppModule } from './app.module'

async function bootstrap(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] })
  const server = await app.listen(process.env.PORT ?? 3000, 'localhost')
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`)
}
void bootstrap()
