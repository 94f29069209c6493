/** Nest alone: the body is drained. */
import { Req } from '@nestjs/common'
import { drained } from '../answer.mjs'
import { serverOf } from '../nest-app.mjs'

class DrainController {
  async create(request) {
    await new Promise((resolve) => request.on('end', resolve).resume())
    return drained
  }
}
Req()(DrainController.prototype, 'create', 0)

export function serve() {
  return serverOf(DrainController)
}
