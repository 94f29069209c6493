/** Decorators for the parameters of a handler. */
import type { UploadedFile } from '@formgate/core'
import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import type { PlatformRequest } from './platform.js'

/** The decorator of a parameter: the name of a field, or nothing, and pipes. */
export type DataDecorator = ReturnType<typeof createParamDecorator<string>>

/**
 * The data of the route, or one of its fields. Give the parameter the type `Out<typeof User>`, which is that of the schema with
 * `UploadedFile` for its files.
 */
export const FormData: DataDecorator = createParamDecorator((field: string | undefined, context) => {
  const { data } = requestOf(context)
  if (field === undefined) return data
  // Of JSON that is no object, such as a list, nothing that it inherits.
  const fields = Object(data) as Record<string, unknown>
  return Object.hasOwn(fields, field) ? fields[field] : undefined
})

/** The first file of a field, or of the request: an `UploadedFile`, or `undefined`. */
export const FormFile: DataDecorator = createParamDecorator((field: string | undefined, context) => {
  return filesOf(field, context)[0]
})

/** The files of a field, as a list. Without a name those of the request, as a list per field name. */
export const FormFiles: DataDecorator = createParamDecorator((field: string | undefined, context) => {
  return field === undefined ? requestOf(context).files : filesOf(field, context)
})

function filesOf(field: string | undefined, context: ExecutionContext): readonly UploadedFile[] {
  const { files = {} } = requestOf(context)
  return field === undefined ? Object.values(files).flat() : (files[field] ?? [])
}

function requestOf(context: ExecutionContext): PlatformRequest {
  return context.switchToHttp().getRequest<PlatformRequest>()
}
