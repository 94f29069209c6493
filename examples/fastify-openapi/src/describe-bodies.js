/** Adds request bodies to the document of @fastify/swagger. */
import { openapi } from '@formgate/fastify'

/**
 * Adds the bodies to the finished document. In the `schema` of a route, Fastify would validate them a second time, and
 * @fastify/swagger would omit the media types of files.
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
        if (operation === undefined) throw new Error(`Unknown route: ${method.toUpperCase()} ${path}`)
        operation.requestBody = openapi(schema, { version: '3.0' })
      }
    }
    return openapiObject
  }
}

/** @typedef {{ paths: Record<string, Record<string, { requestBody?: unknown }>> }} OpenApiDocument */
