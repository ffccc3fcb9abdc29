/** Tables that a resource needs beside its own: entities of its versions, lists of groups, links of n–m relations. */
import type { ColumnPair, ResourceDefinition, ThroughDefinition } from '../../config/definition.js'
import {
  type Column,
  entityTable,
  listEntryTable,
  listKeyColumn,
  listTable,
  type Model,
  type Resource,
} from '../../model/model.js'
import { definitionOf, formerNames, reference, typeText } from './desired-shared.js'
import { internalColumn } from './internal.js'
import { indexName, uniqueName } from './names.js'
import type { ColumnSpec, TableSpec } from './schema.js'

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
export function entities(resource: Resource, definition: ResourceDefinition): TableSpec {
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

export function lists(
  model: Model,
  resource: Resource,
  definition: ResourceDefinition,
): readonly TableSpec[] {
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
export function association(model: Model, resource: Resource, relation: ThroughDefinition): TableSpec {
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
