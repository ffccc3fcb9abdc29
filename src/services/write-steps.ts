/**
 * Prepared rows → statements in the order they run: level by level, one for each table and set of columns, then the
 * links of n–m relations. Nothing waits for a result; what must hold is checked as the answers come.
 */
import type { ThroughDefinition } from '../config/definition.js'
import type { Row } from '../hooks.js'
import { RetryTransaction } from '../managers/database.js'
import type { StoredColumn } from '../managers/mutate/columns.js'
import { storedColumns } from '../managers/mutate/lookup.js'
import { insertStep, updateStep, type Writer } from '../managers/mutate/rows.js'
import { advanceSteps } from '../managers/mutate/sequence.js'
import type { Step } from '../managers/mutate/step.js'
import type { Column, Model, Resource } from '../model/model.js'
import type { WritePlan } from '../plan/plan.js'
import type { PreparedRow } from './write-prepare.js'

export function rowSteps(writer: Writer, rows: readonly PreparedRow[]): readonly Step[] {
  const groups = new Map<string, PreparedRow[]>()
  for (const row of rows) {
    if (row.action === 'refer') continue
    const shape = row.action === 'create' ? '' : row.changed.join(' ')
    if (row.action === 'update' && shape === '') continue
    const key = `${row.level} ${row.action} ${row.resource.name} ${shape}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return [...groups.values()]
    .sort((a, b) => (a[0]?.level ?? 0) - (b[0]?.level ?? 0))
    .flatMap((group) => {
      const [first] = group
      if (first === undefined) return []
      return first.action === 'create'
        ? byGiven(writer, group).flatMap((rows) => createSteps(writer, first.resource, rows))
        : [changeStep(writer, first.resource, first.changed, group)]
    })
}

/** Tables made elsewhere (`migrate: off`) have defaults and generated columns of their own: what nobody gave is left to them. */
function byGiven(writer: Writer, rows: readonly PreparedRow[]): readonly (readonly PreparedRow[])[] {
  if (writer.keyed) return [rows]
  const groups = new Map<string, PreparedRow[]>()
  for (const row of rows) {
    const shape = JSON.stringify(givenColumns(row).map(({ name }) => name))
    const group = groups.get(shape)
    if (group === undefined) groups.set(shape, [row])
    else group.push(row)
  }
  return [...groups.values()]
}

const givenColumns = ({ resource, row, values }: PreparedRow): readonly StoredColumn[] =>
  storedColumns(resource).filter(({ name }) => values[name] !== null || row.values[name] !== undefined)

function createSteps(writer: Writer, resource: Resource, rows: readonly PreparedRow[]): readonly Step[] {
  const values = rows.map((row) => row.values)
  const keyed = rows.some((row) => row.row.key !== null)
  const entities = entitySteps(writer, resource, values)
  const [first] = rows
  const columns = writer.keyed || first === undefined ? storedColumns(resource) : givenColumns(first)
  const alike = writer.keyed ? alikeColumns(resource) : []
  const insert = keyed
    ? insertStep(writer, resource.table, columns, values, {
        ignore: writer.keyed ? resource.primaryKey : true,
        returning: resource.primaryKey,
        check: (returned) => sawAll(returned.length, rows.length),
        alike,
      })
    : insertStep(writer, resource.table, columns, values, { alike })
  // The sequence moves first: whoever draws a number from now on draws one behind the given ones.
  return [...advance(writer, resource, rows), ...entities, ...deferral(writer, resource, values), insert]
}

/** What clients cannot give and what is not made for each row anew: who and when, flags, what comes later. */
function alikeColumns(resource: Resource): readonly Column[] {
  const known = alikes.get(resource)
  if (known !== undefined) return known
  const columns = storedColumns(resource).filter(
    (column) => column.readonly && !column.primary && !column.generated && column.default?.kind !== 'uuid',
  )
  alikes.set(resource, columns)
  return columns
}

const alikes = new WeakMap<Resource, readonly Column[]>()

/** SQLite inserts row by row: references among them are checked at the end of the transaction. */
function deferral(writer: Writer, resource: Resource, rows: readonly Readonly<Row>[]): readonly Step[] {
  if (writer.dialect !== 'sqlite' || rows.length < 2) return []
  const own = [...resource.relations.values()].filter(
    (relation) => relation.kind === 'one' && relation.constraint && relation.target === resource.name,
  )
  const refers = own.some(
    (relation) =>
      relation.kind === 'one' &&
      rows.some((row) => relation.columns.every(({ column }) => (row[column] ?? null) !== null)),
  )
  return refers ? [{ text: 'PRAGMA defer_foreign_keys = ON', values: [[]] }] : []
}

/** Somebody else created one of the keys since the lookup: run the whole transaction again, and it is an update. */
function sawAll(returned: number, sent: number): void {
  if (returned < sent) throw new RetryTransaction('a row was created at the same time')
}

/** First versions bring their entity, which generates the key and remembers the last number used. */
export function entitySteps(
  writer: Writer,
  resource: Resource,
  rows: readonly Readonly<Row>[],
): readonly Step[] {
  if (resource.entityTable === null) return []
  const columns: readonly StoredColumn[] = [...resource.entityKey, { name: 'last_version', type: 'integer' }]
  return [
    insertStep(
      writer,
      resource.entityTable,
      columns,
      rows.map((row) => ({ ...row, last_version: row['version'] ?? 1 })),
      {
        ignore: true,
        returning: resource.entityKey,
        check: (returned) => sawAll(returned.length, rows.length),
      },
    ),
  ]
}

function advance(writer: Writer, resource: Resource, rows: readonly PreparedRow[]): readonly Step[] {
  const generated = resource.generatedKey
  if (generated === null) return []
  const given = rows.map((row) => row.row.values[generated.name]).filter((value) => typeof value === 'number')
  return given.length === 0 ? [] : advanceSteps(writer, resource, given)
}

function changeStep(
  writer: Writer,
  resource: Resource,
  changed: readonly string[],
  rows: readonly PreparedRow[],
): Step {
  const columns = changed.map((name) => resource.columns.get(name)).filter((column) => column !== undefined)
  return updateStep(
    writer,
    resource.table,
    resource.primaryKey,
    columns,
    rows.map((row) => row.values),
  )
}

/** Association rows; a link that exists already is left alone. */
export function linkSteps(
  model: Model,
  writer: Writer,
  plan: WritePlan,
  rows: readonly PreparedRow[],
): readonly Step[] {
  const groups = new Map<string, { columns: readonly StoredColumn[]; rows: Row[] }>()
  for (const link of plan.links) {
    const association = associationOf(model, link.resource, link.relation)
    const group = groups.get(association.table) ?? { columns: association.columns, rows: [] }
    groups.set(association.table, group)
    group.rows.push(association.row(rows[link.from]?.key ?? {}, rows[link.to]?.key ?? {}))
  }
  return [...groups].map(([table, group]) =>
    insertStep(writer, table, group.columns, group.rows, { ignore: true }),
  )
}

export interface Association {
  readonly table: string
  readonly columns: readonly StoredColumn[]
  readonly own: readonly StoredColumn[]
  readonly other: readonly StoredColumn[]
  /** The association row that links two keys. */
  row(from: Readonly<Row>, to: Readonly<Row>): Row
}

const associations = new WeakMap<ThroughDefinition, Association>()

/** An n–m relation seen from one side. */
export function associationOf(model: Model, resourceName: string, relationName: string): Association {
  const resource = model.resource(resourceName)
  const relation = resource.relations.get(relationName)
  if (relation?.kind !== 'through') throw new Error(`${resourceName}.${relationName} is no n–m relation`)
  const known = associations.get(relation)
  if (known !== undefined) return known
  const association = compileAssociation(model, resource, relation)
  associations.set(relation, association)
  return association
}

function compileAssociation(model: Model, resource: Resource, relation: ThroughDefinition): Association {
  const target = model.resource(relation.target)
  const typed = (side: Resource, pairs: typeof relation.own): StoredColumn[] =>
    pairs.map((pair) => ({
      name: pair.column,
      type: side.columns.get(pair.references)?.type ?? 'text',
    }))
  const own = typed(resource, relation.own)
  const other = typed(target, relation.other)
  return Object.freeze({
    table: relation.table,
    columns: [...own, ...other].sort((a, b) => (a.name < b.name ? -1 : 1)),
    own,
    other,
    row: (from: Readonly<Row>, to: Readonly<Row>): Row => {
      const row: Row = {}
      for (const pair of relation.own) row[pair.column] = from[pair.references]
      for (const pair of relation.other) row[pair.column] = to[pair.references]
      return row
    },
  })
}
