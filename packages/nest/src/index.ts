/** Formgate for Nest. */
export * from '@formgate/core'
export { BodyException } from './body-exception.js'
export { FormgateModule, type FormgateOptions } from './module.js'
export { FormData, FormFile, FormFiles, type DataDecorator } from './parameters.js'
export { UseBody, UseForm, UseParsers } from './route.js'
