/** Descriptions of routes, which an adapter finds in an app. */
export {
  describeRoute,
  describeUnknown,
  type AcceptedFiles,
  type AcceptedMediaType,
  type Dependent,
  type RouteDescription,
  type RoutePlace,
  type SchemaDescription,
} from './describe-route.js'
export { routeTable } from './route-table.js'
export type { SchemaField } from '../schema/schema-fields.js'
