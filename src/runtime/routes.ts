/** The whole route table. */
import { documentRoutes } from '../controllers/documents.js'
import { pluginRoutes } from '../controllers/plugin-routes.js'
import { resourceRoutes } from '../controllers/resources.js'
import { type RootParts, rootRoutes } from '../controllers/root.js'
import type { CoreOf, Route } from '../controllers/route.js'
import { traitRoutes } from '../controllers/trait-routes.js'
import type { Model } from '../model/model.js'

export function routesOf(model: Model, core: CoreOf, root: RootParts): readonly Route[] {
  const routes: readonly Route[] = Object.freeze([
    ...rootRoutes(root),
    // Before `/datasets/{id}`, which would take `/datasets/schema` for a row.
    ...documentRoutes(model, () => routes),
    ...resourceRoutes(model, core),
    ...traitRoutes(model, core),
    ...pluginRoutes(model, core),
  ])
  return routes
}

/** For documents: nothing in it can be run. */
export function routeTable(model: Model): readonly Route[] {
  const stopped = (): never => {
    throw new Error('the server is not running')
  }
  return routesOf(model, stopped, { ping: stopped, managers: stopped, metrics: stopped })
}
