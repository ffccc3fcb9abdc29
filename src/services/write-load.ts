/** What a decision needs to know of the database: one lookup a resource, keys for what will be created. */
import type { Key, Row } from '../hooks.js'
import type { Queryable, RowArray } from '../managers/database.js'
import type { StoredColumn } from '../managers/mutate/columns.js'
import {
  decodeRow,
  type Lock,
  lookupRows,
  lookupStatement,
  storedColumns,
} from '../managers/mutate/lookup.js'
import type { Writer } from '../managers/mutate/rows.js'
import { allocateTogether } from '../managers/mutate/sequence.js'
import { firstFailure } from '../managers/mutate/step.js'
import type { Model, Resource } from '../model/model.js'
import { isTarget, type WritePlan } from '../plan/plan.js'
import { keyText } from '../plan/write-shape.js'
import type { DecidedRow } from './write-decide.js'

type StoredRows = ReadonlyMap<string, ReadonlyMap<string, Row>>

/** Rows by resource and key. */
export async function loadStored(
  model: Model,
  writer: Writer,
  db: Queryable,
  plan: WritePlan,
  options: { readonly locking: boolean },
): Promise<StoredRows> {
  const wanted = new Map<string, { none: Key[]; update: Key[] }>()
  plan.rows.forEach((row, position) => {
    if (row.key === null) return
    const keys = wanted.get(row.resource) ?? { none: [], update: [] }
    wanted.set(row.resource, keys)
    const locked = row.content || (isTarget(plan, position) && plan.target?.mode !== 'add')
    keys[options.locking && locked ? 'update' : 'none'].push(row.key)
  })
  // In the model's order, whatever the body's: transactions lock the tables in one order.
  const resources = [...model.resources.values()].filter((resource) => wanted.has(resource.name))
  const found = await inOrder(
    db,
    resources.flatMap((resource) =>
      (['update', 'none'] as const).map((lock) => async () => {
        const keys = wanted.get(resource.name)?.[lock] ?? []
        return { resource, rows: await load(writer, db, resource, keys, lock) }
      }),
    ),
  )
  const stored = new Map<string, Map<string, Row>>()
  for (const { resource, rows } of found) {
    const known = stored.get(resource.name) ?? new Map<string, Row>()
    for (const row of rows) known.set(keyText(resource, row), row)
    stored.set(resource.name, known)
  }
  return stored
}

async function load(
  writer: Writer,
  db: Queryable,
  resource: Resource,
  keys: readonly Key[],
  lock: Lock,
): Promise<readonly Row[]> {
  if (keys.length === 0) return []
  const rows = await db.query(lookupStatement(writer, resource, keys, lock))
  const columns = storedColumns(resource)
  return rows.map((values: RowArray) => decodeRow(columns, values))
}

/** Entities of versioned resources that the plan names, for the rule that a new entity starts with version 1. */
export async function loadEntities(
  model: Model,
  writer: Writer,
  db: Queryable,
  plan: WritePlan,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const wanted = new Map<string, Row[]>()
  for (const row of plan.rows) {
    const resource = model.resource(row.resource)
    if (resource.entityTable === null) continue
    if (resource.entityKey.some((column) => (row.values[column.name] ?? null) === null)) continue
    const keys = wanted.get(row.resource) ?? []
    keys.push(row.values)
    wanted.set(row.resource, keys)
  }
  const entities = new Map<string, ReadonlySet<string>>()
  await inOrder(
    db,
    [...wanted].map(([name, keys]) => async () => {
      const resource = model.resource(name)
      const columns: readonly StoredColumn[] = resource.entityKey
      const rows = await db.query(
        lookupStatement(writer, resource, keys, 'none', columns, {
          table: resource.entityTable ?? '',
          columns,
        }),
      )
      entities.set(name, new Set(rows.map((row) => entityText(resource, decodeRow(columns, row)))))
    }),
  )
  return entities
}

export const entityText = (resource: Resource, values: Readonly<Row>): string =>
  JSON.stringify(resource.entityKey.map((column) => String(values[column.name])))

/** Generated keys for the rows that have none; never one that another row of the tree is given by the caller. */
export async function allocate(
  model: Model,
  writer: Writer,
  db: Queryable,
  plan: WritePlan,
): Promise<Map<string, readonly number[]>> {
  const wanted = new Map<string, { count: number; given: Set<unknown> }>()
  for (const row of plan.rows) {
    const generated = model.resource(row.resource).generatedKey
    if (generated === null) continue
    const demand = wanted.get(row.resource) ?? { count: 0, given: new Set() }
    wanted.set(row.resource, demand)
    const given = row.values[generated.name] ?? null
    if (given !== null) demand.given.add(given)
    else if (row.key === null) demand.count += 1
  }
  const allocated = new Map<string, number[]>()
  const short = () =>
    [...wanted].map(([name, { count }]) => ({
      resource: model.resource(name),
      count: count - (allocated.get(name)?.length ?? 0),
    }))
  for (let missing = short(); missing.some(({ count }) => count > 0); missing = short()) {
    for (const [name, drawn] of await allocateTogether(writer, db, missing)) {
      const given = wanted.get(name)?.given
      const keys = [...(allocated.get(name) ?? []), ...drawn.filter((key) => given?.has(key) !== true)]
      allocated.set(name, keys)
    }
  }
  return allocated
}

/** Together on PostgreSQL, where statements are pipelined; one after another on SQLite. */
export async function inOrder<T>(db: Queryable, tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  if (db.dialect === 'postgres') return await firstFailure(tasks.map((task) => task()))
  const results: T[] = []
  for (const task of tasks) results.push(await task())
  return results
}

export interface UnlinkedRow {
  readonly resource: Resource
  readonly stored: Row
  /** The foreign key that is cleared. */
  readonly columns: readonly string[]
  readonly from: DecidedRow
  readonly pointer: string
}

/** Rows that point at a row of the tree through an inverse one-to-one which the tree gives as null. */
export async function loadUnlinked(
  model: Model,
  writer: Writer,
  db: Queryable,
  plan: WritePlan,
  rows: readonly DecidedRow[],
  lock: Lock,
): Promise<readonly UnlinkedRow[]> {
  const found: UnlinkedRow[] = []
  for (const { from, relation: name } of plan.unlinks) {
    const owner = rows[from]
    const relation = owner?.resource.relations.get(name)
    if (owner?.stored == null || relation?.kind !== 'inverse_one') continue
    const { stored } = owner
    const target = model.resource(relation.target)
    const columns = relation.columns.map((pair) => pair.column)
    const by = columns.map((column) => target.columns.get(column)).filter((column) => column !== undefined)
    const wanted = Object.fromEntries(relation.columns.map((pair) => [pair.column, stored[pair.references]]))
    for (const row of await lookupRows(writer, db, target, [wanted], lock, by)) {
      const named = plan.rows.some(
        (other) =>
          other.resource === target.name &&
          other.key !== null &&
          keyText(target, other.key) === keyText(target, row),
      )
      if (!named) {
        found.push({
          resource: target,
          stored: row,
          columns,
          from: owner,
          pointer: `${owner.row.pointer}/${name}`,
        })
      }
    }
  }
  return found
}
