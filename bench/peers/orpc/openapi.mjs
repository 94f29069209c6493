/** oRPC on node:http. */
import { createServer } from 'node:http'
import { OpenAPIHandler } from '@orpc/openapi/node'
import { os } from '@orpc/server'
import { typed } from '../answer.mjs'
import { signUpOfTexts } from '../schema.mjs'

export function serve() {
  const signUp = os
    .route({ method: 'POST', path: '/' })
    .input(signUpOfTexts)
    .handler(({ input }) => typed(input))
  const handler = new OpenAPIHandler({ signUp })
  return createServer(async (req, res) => {
    const { matched } = await handler.handle(req, res)
    if (!matched) res.writeHead(404).end()
  })
}
