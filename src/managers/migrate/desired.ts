/** Model → the tables it needs. */
import type { ResourceDefinition, ToOneDefinition } from '../../config/definition.js'
import type { Column, Model, Resource } from '../../model/model.js'
import { uniqueSets } from '../../model/unique.js'
import { association, entities, lists } from './desired-beside.js'
import { definitionOf, formerNames, reference, typeText } from './desired-shared.js'
import { internalTables } from './internal.js'
import { checkName, indexName, uniqueName } from './names.js'
import type { CheckSpec, ColumnsSpec, FillSpec, ForeignKeySpec, Schema, TableSpec } from './schema.js'

export function desiredSchema(model: Model): Schema {
  const tables = [...internalTables()]
  for (const resource of model.resources.values()) {
    const definition = definitionOf(model, resource)
    tables.push(resourceTable(model, resource, definition))
    if (resource.entityTable !== null) tables.push(entities(resource, definition))
    if (resource.permissions.length > 0) tables.push(...lists(model, resource, definition))
    for (const relation of resource.relations.values()) {
      if (relation.kind === 'through' && relation.owner) tables.push(association(model, resource, relation))
    }
  }
  return new Map(tables.map((table) => [table.name, table]))
}

function resourceTable(model: Model, resource: Resource, definition: ResourceDefinition): TableSpec {
  const toOne = [...resource.relations.values()].filter((relation) => relation.kind === 'one')
  const columns = [...resource.columns.values()].filter((column) => !column.virtual)
  return {
    name: resource.table,
    managed: definition.managed,
    columns: columns.map((column) => ({
      name: column.name,
      type: typeText(column),
      required: column.required || column.primary,
      identity: column.type === 'serial' && resource.entityTable === null,
      renamedFrom: column.renamedFrom ?? renamedReference(model, column, toOne),
      fill: fillOf(model, column, toOne),
    })),
    primaryKey: resource.primaryKey.map((column) => column.name),
    uniques: uniquesOf(resource),
    indexes: indexesOf(resource, columns, toOne),
    checks: columns.flatMap((column) => checkOf(resource.table, column)),
    foreignKeys: toOne
      .filter((relation) => relation.constraint)
      .map((relation) => foreignKey(model, resource, relation)),
    renamedFrom: formerNames(definition),
    seed: null,
  }
}

/** `project_id` was `project_key` when the key it points at was. */
function renamedReference(model: Model, column: Column, toOne: readonly ToOneDefinition[]): string | null {
  for (const relation of toOne) {
    const pair = relation.columns.find((candidate) => candidate.column === column.name)
    const key = pair && model.resource(relation.target).columns.get(pair.references)
    if (key?.renamedFrom == null || !column.name.endsWith(key.name)) continue
    return column.name.slice(0, -key.name.length) + key.renamedFrom
  }
  return null
}

function fillOf(model: Model, column: Column, toOne: readonly ToOneDefinition[]): FillSpec | null {
  const given = column.default
  if (given !== null && given.kind !== 'user' && given.kind !== 'parent_path') return given
  for (const relation of toOne) {
    const pair = relation.columns.find((candidate) => candidate.column === column.name)
    const other = relation.columns.find((candidate) => candidate.column !== column.name)
    const key = pair && model.resource(relation.target).columns.get(pair.references)
    if (key?.role === 'version' && other !== undefined) return { kind: 'version', of: other.column }
  }
  return null
}

const distinct = <T extends ColumnsSpec>(specs: readonly T[]): readonly T[] => [
  ...new Map(specs.map((spec) => [[...spec.columns].sort().join('\0'), spec])).values(),
]

const uniquesOf = (resource: Resource): readonly ColumnsSpec[] =>
  uniqueSets(resource).map((columns) => ({ name: uniqueName(resource.table, columns), columns }))

/**
 * Foreign keys as a whole, unless a key begins with their columns already, and what the configuration asks for. The parts of a
 * foreign key of several columns have none of their own: the first leads the index of the whole, versions select nothing.
 */
function indexesOf(
  resource: Resource,
  columns: readonly Column[],
  toOne: readonly ToOneDefinition[],
): readonly ColumnsSpec[] {
  const keys = [
    resource.primaryKey.map((column) => column.name),
    ...uniquesOf(resource).map((unique) => unique.columns),
  ]
  const wanted = [
    ...toOne.map((relation) => relation.columns.map((pair) => pair.column)),
    ...columns.filter((column) => column.index).map((column) => [column.name]),
  ].filter((names) => !keys.some((key) => names.every((name, position) => key[position] === name)))
  return distinct(wanted.map((names) => ({ name: indexName(resource.table, names), columns: names })))
}

const checkOf = (table: string, column: Column): CheckSpec[] =>
  column.values === null
    ? []
    : [{ name: checkName(table, column.name), column: column.name, values: column.values }]

function foreignKey(model: Model, resource: Resource, relation: ToOneDefinition): ForeignKeySpec {
  return reference(
    resource.table,
    model.resource(relation.target).table,
    relation.columns,
    {
      set_null: 'set_null' as const,
      // Cascades are carried out by the runtime, so that the children's hooks run.
      cascade: 'no_action' as const,
      restrict: 'no_action' as const,
    }[relation.onDelete],
  )
}
