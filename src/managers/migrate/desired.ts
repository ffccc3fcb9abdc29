/** Model → the tables it needs. */
import type {
  ColumnPair,
  ResourceDefinition,
  ThroughDefinition,
  ToOneDefinition,
} from '../../config/definition.js'
import {
  type Column,
  entityTable,
  listEntryTable,
  listKeyColumn,
  listTable,
  type Model,
  type Resource,
} from '../../model/model.js'
import { internalColumn, internalTables } from './internal.js'
import { checkName, foreignKeyName, indexName, uniqueName } from './names.js'
import type {
  CheckSpec,
  ColumnSpec,
  ColumnsSpec,
  FillSpec,
  ForeignKeySpec,
  Schema,
  TableSpec,
} from './schema.js'

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

function definitionOf(model: Model, { name }: Resource): ResourceDefinition {
  const found = model.definition.resources.find((resource) => resource.name === name)
  if (found === undefined) throw new Error(`the model has no definition of ${name}`)
  return found
}

/** As `renamed_from` may name the resource or its table. */
const formerNames = ({ renamedFrom }: ResourceDefinition): readonly string[] =>
  renamedFrom === null ? [] : [...new Set([renamedFrom, renamedFrom.toLowerCase()])]

/** `string(50)`, `decimal(10,2)`, `integer`. */
export function typeText(column: Pick<Column, 'type' | 'length' | 'precision' | 'scale'>): string {
  switch (column.type) {
    case 'serial':
      return 'integer'
    case 'enum':
      return 'text'
    case 'string':
      return column.length === null ? 'text' : `string(${column.length})`
    case 'decimal':
      return `decimal(${column.precision},${column.scale})`
    default:
      return column.type
  }
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
    uniques: uniquesOf(resource, columns, toOne),
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

function uniquesOf(
  resource: Resource,
  columns: readonly Column[],
  toOne: readonly ToOneDefinition[],
): readonly ColumnsSpec[] {
  const sets = [
    ...resource.unique,
    ...columns.filter((column) => column.unique).map((column) => [column.name]),
    ...toOne
      .filter((relation) => relation.unique)
      .map((relation) => relation.columns.map((pair) => pair.column)),
  ]
  return distinct(sets.map((names) => ({ name: uniqueName(resource.table, names), columns: names })))
}

/** Foreign keys, unless a key begins with their columns already, and what the configuration asks for. */
function indexesOf(
  resource: Resource,
  columns: readonly Column[],
  toOne: readonly ToOneDefinition[],
): readonly ColumnsSpec[] {
  const keys = [
    resource.primaryKey.map((column) => column.name),
    ...uniquesOf(resource, columns, toOne).map((unique) => unique.columns),
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

function reference(
  table: string,
  target: string,
  pairs: readonly ColumnPair[],
  onDelete: ForeignKeySpec['onDelete'],
): ForeignKeySpec {
  const columns = pairs.map((pair) => pair.column)
  return {
    name: foreignKeyName(table, columns),
    columns,
    table: target,
    references: pairs.map((pair) => pair.references),
    onDelete,
  }
}

/** A column with the type of the key column that it repeats. */
const copyOf = (name: string, key: Column, formerly: string | null): ColumnSpec => ({
  name,
  type: typeText(key),
  required: true,
  identity: false,
  renamedFrom: formerly,
  fill: key.role === 'version' ? { kind: 'literal', value: 1 } : null,
})

/** One row for each entity of a versioned resource: draws its key, is locked by a release, knows the last version. */
function entities(resource: Resource, definition: ResourceDefinition): TableSpec {
  const keys = resource.entityKey
  return {
    name: entityTable(resource.table),
    managed: true,
    columns: [
      ...keys.map((key) => ({ ...copyOf(key.name, key, key.renamedFrom), identity: key.type === 'serial' })),
      internalColumn('last_version', 'integer!'),
    ],
    primaryKey: keys.map((key) => key.name),
    uniques: [],
    indexes: [],
    checks: [],
    foreignKeys: [],
    renamedFrom: formerNames(definition).map(entityTable),
    seed: { from: resource.table, keys: keys.map((key) => key.name), version: 'version' },
  }
}

function lists(model: Model, resource: Resource, definition: ResourceDefinition): readonly TableSpec[] {
  const name = listTable(resource.table)
  const entries = listEntryTable(resource.table)
  const keys = resource.primaryKey.map((key) => ({
    key,
    column: listKeyColumn(key.name),
    former: key.renamedFrom === null ? null : listKeyColumn(key.renamedFrom),
  }))
  const unique = [...keys.map(({ column }) => column), 'rule', 'verb']
  const pairs = keys.map(({ key, column }) => ({ column, references: key.name }))
  const group = model.resource('Group')
  const path = group.primaryKey[0]
  if (path === undefined) throw new Error('Group has no key')
  return [
    {
      name,
      managed: true,
      columns: [
        internalColumn('id', 'serial!'),
        ...keys.map(({ key, column, former }) => copyOf(column, key, former)),
        internalColumn('rule', 'text!'),
        internalColumn('verb', 'text!'),
      ],
      primaryKey: ['id'],
      uniques: [{ name: uniqueName(name, unique), columns: unique }],
      indexes: [],
      checks: [],
      foreignKeys: [reference(name, resource.table, pairs, 'cascade')],
      renamedFrom: formerNames(definition).map(listTable),
      seed: null,
    },
    {
      name: entries,
      managed: true,
      columns: [internalColumn('list_id', 'integer!'), copyOf('path', path, null)],
      primaryKey: ['list_id', 'path'],
      uniques: [],
      indexes: [{ name: indexName(entries, ['path']), columns: ['path'] }],
      checks: [],
      foreignKeys: [
        reference(entries, name, [{ column: 'list_id', references: 'id' }], 'cascade'),
        reference(entries, group.table, [{ column: 'path', references: path.name }], 'no_action'),
      ],
      renamedFrom: formerNames(definition).map(listEntryTable),
      seed: null,
    },
  ]
}

/** Links of an n–m relation: both keys together, and an index for the way back. Links go with either side. */
function association(model: Model, resource: Resource, relation: ThroughDefinition): TableSpec {
  const { table } = relation
  const target = model.resource(relation.target)
  const sides = [
    { pairs: relation.own, resource },
    { pairs: relation.other, resource: target },
  ]
  const other = relation.other.map((pair) => pair.column)
  return {
    name: table,
    managed: sides.every((side) => definitionOf(model, side.resource).managed),
    columns: sides.flatMap(({ pairs, resource: side }) =>
      pairs.flatMap((pair) => {
        const key = side.columns.get(pair.references)
        return key === undefined ? [] : [copyOf(pair.column, key, formerLink(model, side, pair))]
      }),
    ),
    primaryKey: [...relation.own, ...relation.other].map((pair) => pair.column),
    uniques: [],
    indexes: [{ name: indexName(table, other), columns: other }],
    checks: [],
    foreignKeys: sides.map(({ pairs, resource: side }) => reference(table, side.table, pairs, 'cascade')),
    renamedFrom: [],
    seed: null,
  }
}

/** What `<resource>_<key>` was called before the resource or its key was renamed. */
function formerLink(model: Model, side: Resource, pair: ColumnPair): string | null {
  const key = side.columns.get(pair.references)
  const former = definitionOf(model, side).renamedFrom
  const prefix = pair.column.slice(0, pair.column.length - pair.references.length - 1)
  if (`${prefix}_${pair.references}` !== pair.column) return null
  const before = `${former !== null && prefix === side.name.toLowerCase() ? former.toLowerCase() : prefix}_${
    key?.renamedFrom ?? pair.references
  }`
  return before === pair.column ? null : before
}
