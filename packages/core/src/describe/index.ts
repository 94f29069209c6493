/** What the routes of an app accept: descriptions, and a table of them. An adapter adds how to find its routes. */
export {
  describeRoute,
  describeUnknown,
  type AcceptedFiles,
  type AcceptedMediaType,
  type RouteDescription,
  type RoutePlace,
  type SchemaDescription,
} from './describe-route.js'
export { routeTable } from './route-table.js'
export type { SchemaField } from '../validation/schema-fields.js'
