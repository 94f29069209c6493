/** Request bodies in the document that @fastify/swagger makes. */
import { openapi } from '@formgate/fastify'

/**
 * In the `schema` of a route Fastify would validate the body a second time, and @fastify/swagger leave out the media
 * types of files. So the bodies are put into the finished document.
 *
 * @param {Record<string, Record<string, import('@formgate/fastify').Schema>>} schemas By path and method in lower case
 * @returns {(documents: object) => object} The `transformObject` of @fastify/swagger
 */
export function describeBodies(schemas) {
  return (documents) => {
    const { openapiObject } = /** @type {{ openapiObject: OpenApiDocument }} */ (documents)
    for (const [path, methods] of Object.entries(schemas)) {
      for (const [method, schema] of Object.entries(methods)) {
        const operation = openapiObject.paths[path]?.[method]
        if (operation === undefined) throw new Error(`There is no route ${method.toUpperCase()} ${path}.`)
        operation.requestBody = openapi(schema, { version: '3.0' })
      }
    }
    return openapiObject
  }
}

/** @typedef {{ paths: Record<string, Record<string, { requestBody?: unknown }>> }} OpenApiDocument */
