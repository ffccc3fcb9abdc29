import type { Key } from '../hooks.js'
import type { ResourceFacts } from '../plugin.js'
import { formatKey } from './format-key.js'
import type { Model, Resource } from './model.js'

/** What plugins may know of a resource: a frozen extract of the model. */
export function resourceFacts(resource: Resource): ResourceFacts {
  const relations = [...resource.relations.values()]
  const toOne = relations.filter((relation) => relation.kind === 'one')
  const links = relations.filter((relation) => relation.kind === 'through')
  return Object.freeze({
    name: resource.name,
    path: resource.path,
    table: resource.table,
    versioned: resource.versioned,
    primaryKey: Object.freeze(resource.primaryKey.map((column) => column.name)),
    columns: Object.freeze([...resource.columns.keys()]),
    traits: Object.freeze(Object.fromEntries(resource.traits)),
    toOne: Object.freeze(
      Object.fromEntries(
        toOne.map(({ name, target, columns }) => [name, Object.freeze({ target, columns })]),
      ),
    ),
    links: Object.freeze(
      Object.fromEntries(
        links.map(({ name, target, table, own, other }) => [
          name,
          Object.freeze({ target, table, own, other }),
        ]),
      ),
    ),
    formatKey: (key: Key) => formatKey(resource, key),
  })
}

export function allFacts(model: Model): ReadonlyMap<string, ResourceFacts> {
  return new Map([...model.resources.values()].map((resource) => [resource.name, resourceFacts(resource)]))
}
