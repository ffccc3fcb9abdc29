import type { Model, Resource } from '../model/model.js'
import { uniqueSets } from '../model/unique.js'
import type { ConstraintCatalog, ConstraintFacts } from './db-errors.js'
import { checkName, foreignKeyName, primaryKeyName, uniqueName } from './migrate/names.js'

/**
 * What each constraint of the model's tables is about. A foreign key is told by its relation, a unique constraint by
 * relations where their columns are in it; hidden columns are never named.
 */
export function constraintCatalog(model: Model): ConstraintCatalog {
  const named = new Map<string, ConstraintFacts>()
  const byTable = new Map<string, Resource>()
  for (const resource of model.resources.values()) {
    byTable.set(resource.table, resource)
    for (const [name, columns] of constraintsOf(resource)) named.set(name, constraintFacts(resource, columns))
  }
  return Object.freeze({
    byName: (name: string) => named.get(name),
    byColumns: (table: string, columns: readonly string[]) => {
      const resource = byTable.get(table)
      return resource && constraintFacts(resource, columns)
    },
  })
}

function* constraintsOf(resource: Resource): Iterable<readonly [name: string, columns: readonly string[]]> {
  yield [primaryKeyName(resource.table), resource.primaryKey.map((column) => column.name)]
  for (const columns of uniqueSets(resource)) yield [uniqueName(resource.table, columns), columns]
  for (const column of resource.columns.values()) {
    if (column.values !== null) yield [checkName(resource.table, column.name), [column.name]]
  }
  for (const relation of resource.relations.values()) {
    if (relation.kind !== 'one') continue
    const columns = relation.columns.map((pair) => pair.column)
    yield [foreignKeyName(resource.table, columns), columns]
  }
}

export function constraintFacts(resource: Resource, columns: readonly string[]): ConstraintFacts {
  const fields = new Set<string>()
  for (const name of columns) {
    const column = resource.columns.get(name)
    if (column === undefined || column.hidden) continue
    fields.add(column.role === 'foreign' ? relationOf(resource, name, columns) : name)
  }
  return Object.freeze({ resource: resource.name, fields: Object.freeze([...fields]) })
}

/** The relation whose foreign key is wholly among the columns, else the column itself. */
function relationOf(resource: Resource, column: string, columns: readonly string[]): string {
  for (const relation of resource.relations.values()) {
    if (relation.kind !== 'one') continue
    const own = relation.columns.map((pair) => pair.column)
    if (own.includes(column) && own.every((name) => columns.includes(name))) return relation.name
  }
  return column
}
