/**
 * Decides what each row of a write plan is, looking at what is stored: created, updated, or merely referred to. Rows that
 * will change are locked. One lookup a resource; nothing is written here, and every refusal is collected, so that the
 * caller can answer them in the order of the contract.
 */
import type { Key, Row } from '../hooks.js'
import type { Queryable, RowArray } from '../managers/database.js'
import type { StoredColumn } from '../managers/mutate/columns.js'
import { decodeRow, type Lock, lookupStatement, storedColumns } from '../managers/mutate/lookup.js'
import type { Writer } from '../managers/mutate/rows.js'
import { allocateKeys } from '../managers/mutate/sequence.js'
import type { Model, Resource } from '../model/model.js'
import { sameValue } from '../model/values.js'
import type { WritePlan, WriteRow } from '../plan/plan.js'
import { keyText } from '../plan/write-shape.js'

export type Action = 'create' | 'update' | 'refer'

export interface DecidedRow {
  readonly position: number
  readonly row: WriteRow
  readonly resource: Resource
  readonly action: Action
  /** The row before the write. */
  readonly stored: Readonly<Row> | null
  /** Columns of an update that get another value; those of links to rows that do not exist yet included. */
  readonly changed: readonly string[]
}

/** Why a row cannot be written, in the order in which reasons are answered. */
export type Refusal =
  | { readonly kind: 'missing'; readonly row: DecidedRow }
  | { readonly kind: 'version'; readonly row: DecidedRow }
  | { readonly kind: 'strict'; readonly row: DecidedRow }
  | { readonly kind: 'absent'; readonly row: DecidedRow }
  | { readonly kind: 'taken'; readonly row: DecidedRow }
  /** A foreign key given by its columns points at nothing that the caller may see. */
  | {
      readonly kind: 'dangling'
      readonly row: DecidedRow
      readonly relation: string
      readonly target: string
    }

export interface Decision {
  readonly rows: readonly DecidedRow[]
  readonly refusals: readonly Refusal[]
  /** Generated keys for rows that have none, by resource, in the order of the rows. */
  readonly allocated: ReadonlyMap<string, readonly number[]>
}

export interface DecideOptions {
  /** Lock what will change, and allocate generated keys: inside the transaction. */
  readonly locking: boolean
}

export async function decide(
  model: Model,
  writer: Writer,
  db: Queryable,
  plan: WritePlan,
  options: DecideOptions,
): Promise<Decision> {
  const [stored, entities, allocated] = await Promise.all([
    loadStored(model, writer, db, plan, options),
    loadEntities(model, writer, db, plan),
    options.locking ? allocate(model, writer, db, plan) : new Map<string, number[]>(),
  ])
  const refusals: Refusal[] = []
  const rows = plan.rows.map((row, position) => {
    const resource = model.resource(row.resource)
    const before = row.key === null ? undefined : stored.get(row.resource)?.get(keyText(resource, row.key))
    const decided = decideRow(plan, row, position, resource, before ?? null)
    const refusal = refuse(plan, decided, entities.get(row.resource))
    if (refusal !== null) refusals.push({ kind: refusal, row: decided })
    return decided
  })
  return { rows, refusals, allocated }
}

function decideRow(
  plan: WritePlan,
  row: WriteRow,
  position: number,
  resource: Resource,
  stored: Row | null,
): DecidedRow {
  if (stored === null) {
    const mayCreate = row.key === null || (row.missing.length === 0 && !isTarget(plan, position))
    return { position, row, resource, action: mayCreate ? 'create' : 'refer', stored: null, changed: [] }
  }
  const changed = Object.keys(row.values).filter((name) => !sameValue(row.values[name], stored[name]))
  for (const parent of row.parents) {
    // A parent without a key is about to be created, so the link to it is new.
    if (plan.rows[parent.from]?.key !== null) continue
    changed.push(...parent.columns.map((pair) => pair.column).filter((name) => !changed.includes(name)))
  }
  const written = changed.length > 0 || row.virtual || Object.keys(row.lists).length > 0
  const isRoot = isTarget(plan, position) && plan.target?.mode === 'update'
  return { position, row, resource, action: written || isRoot ? 'update' : 'refer', stored, changed }
}

export const isTarget = (plan: WritePlan, position: number): boolean => plan.target !== null && position === 0

function refuse(
  plan: WritePlan,
  { row, resource, action, stored, changed, position }: DecidedRow,
  entities: ReadonlySet<string> | undefined,
): Exclude<Refusal['kind'], 'dangling'> | null {
  if (stored !== null) return resource.versioned === 'strict' && changed.length > 0 ? 'strict' : null
  if (isTarget(plan, position)) return 'absent'
  if (action === 'create' && row.missing.length > 0) return 'missing'
  if (resource.versioned !== false) {
    const known = entities?.has(entityText(resource, row.values)) === true
    const version = row.values['version'] ?? 1
    if (row.key === null) return known ? 'taken' : null
    if (version !== 1 || known) return row.content ? 'version' : 'absent'
  }
  return action === 'create' ? null : 'absent'
}

type StoredRows = ReadonlyMap<string, ReadonlyMap<string, Row>>

/** Rows by resource and key. */
async function loadStored(
  model: Model,
  writer: Writer,
  db: Queryable,
  plan: WritePlan,
  options: DecideOptions,
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
async function loadEntities(
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

async function allocate(
  model: Model,
  writer: Writer,
  db: Queryable,
  plan: WritePlan,
): Promise<Map<string, readonly number[]>> {
  const counts = new Map<string, number>()
  for (const row of plan.rows) {
    const generated = model.resource(row.resource).generatedKey
    if (row.key !== null || generated === null || (row.values[generated.name] ?? null) !== null) continue
    counts.set(row.resource, (counts.get(row.resource) ?? 0) + 1)
  }
  const allocated = new Map<string, readonly number[]>()
  await inOrder(
    db,
    [...counts].map(([name, count]) => async () => {
      allocated.set(name, await allocateKeys(writer, db, model.resource(name), count))
    }),
  )
  return allocated
}

/** Together on PostgreSQL, where statements are pipelined; one after another on SQLite. */
export async function inOrder<T>(db: Queryable, tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  if (db.dialect === 'postgres') return await Promise.all(tasks.map((task) => task()))
  const results: T[] = []
  for (const task of tasks) results.push(await task())
  return results
}
