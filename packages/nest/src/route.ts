/** Decorators that say how a route reads its body. */
import {
  ContentType,
  openapi,
  type BodyOptions,
  type BodyType,
  type FormOptions,
  type ParserLike,
  type RequestBody,
  type RouteOptions,
  type Schema,
} from '@formgate/core'
import { bodyStep, formStep, parsersStep, type RouteStep } from '@formgate/core/adapter'
import { applyDecorators, SetMetadata, UseFilters, UseInterceptors } from '@nestjs/common'
import { ProblemFilter } from './body-exception.js'
import { BodyInterceptor, reflector, stepKey, stepOf } from './body-interceptor.js'

/**
 * Reads a form, multipart or URL-encoded, after the guards of the route. A schema coerces and validates its fields and files,
 * which `@FormData()` gives to the handler.
 *
 * @throws TypeError for an invalid schema or option, or if the route has another of these decorators
 */
export function UseForm(schema: Schema, options?: FormOptions): MethodDecorator {
  return applyDecorators(useStep(formStep(schema, options)), describeBody(schema))
}

/**
 * Reads a body of any listed media type, which a schema validates; with `bytes()` or `stream()` the raw body.
 *
 * @throws TypeError for an invalid schema or option, options that exclude each other, or as `UseForm` does
 */
export function UseBody(type?: BodyType, options?: BodyOptions): MethodDecorator {
  const { contentType = [ContentType.Json, ContentType.MultipartFormData] } = options ?? {}
  return applyDecorators(useStep(bodyStep(type, options)), describeBody(type, contentType))
}

/**
 * Sets the parsers of a route.
 *
 * @param list classes or instances. The first that reads the media type is used; if there is none, the answer is a 415.
 * @throws TypeError for an invalid parser or option, or as `UseForm` does
 */
export function UseParsers(list: readonly ParserLike[], options?: RouteOptions): MethodDecorator {
  return useStep(parsersStep(list, options))
}

function useStep(step: RouteStep): MethodDecorator {
  const use = applyDecorators(
    SetMetadata(stepKey, step),
    UseInterceptors(BodyInterceptor),
    UseFilters(ProblemFilter),
  )
  return (target, name, descriptor) => {
    if (stepOf(descriptor.value as () => unknown) !== undefined)
      throw new TypeError(
        `${target.constructor.name}.${String(name)} has two of @UseForm(), @UseBody() and @UseParsers(). Remove one.`,
      )
    use(target, name, descriptor)
  }
}

/** Where the decorators of @nestjs/swagger leave what they say. Reading it needs no import of that package. */
const [parametersKey, consumesKey] = ['swagger/apiParameters', 'swagger/apiConsumes']

/** Describes the body for @nestjs/swagger, unless the app itself does. A schema that cannot describe itself is left out. */
function describeBody(type: unknown, contentType?: BodyOptions['contentType']): MethodDecorator {
  return (target, name, descriptor) => {
    const method = descriptor.value as () => unknown
    const known = reflector.get<{ in?: string }[] | undefined>(parametersKey, method) ?? []
    const body = known.some((each) => each.in === 'body') ? undefined : bodyOf(type, contentType)
    if (body === undefined) return
    const types = Object.keys(body.content)
    // It has one schema for all media types.
    const media = body.content[ContentType.MultipartFormData] ?? body.content[types[0]!]
    const parameter = { in: 'body', type: String, required: body.required, ...media }
    SetMetadata(consumesKey, types)(target, name, descriptor)
    SetMetadata(parametersKey, [...known, parameter])(target, name, descriptor)
  }
}

function bodyOf(type: unknown, contentType: BodyOptions['contentType']): RequestBody | undefined {
  try {
    return openapi(type as Schema, { version: '3.0', ...(contentType !== undefined && { contentType }) })
  } catch {
    return undefined
  }
}
