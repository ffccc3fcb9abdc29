/**
 * What a delete removes: the rows themselves and, level by level, everything that cascades from them. The runtime carries
 * cascades out itself, so that the hooks and rules of every removed row apply.
 */
import type { Key, Row } from '../hooks.js'
import type { Queryable } from '../managers/database.js'
import { type Lock, lookupRows } from '../managers/mutate/lookup.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Column, Model, Resource } from '../model/model.js'
import { type Referrer, referrersOf } from '../model/referrers.js'
import { compareValues } from '../model/values.js'
import { keyOf, rowIdentity } from '../plan/write-shape.js'
import { inOrder } from './write-load.js'

export interface DoomedRow {
  readonly resource: Resource
  readonly key: Key
  readonly stored: Readonly<Row>
  /** Distance from the rows that were asked for. */
  readonly level: number
}

export interface Doomed {
  /** By level; the rows asked for first. */
  readonly rows: readonly DoomedRow[]
  /** Rows that stay, with a foreign key that is set to null because what it points at goes. */
  readonly released: readonly ReleasedRows[]
}

export interface ReleasedRows {
  readonly referrer: Referrer
  /** Values of the foreign key that are cleared. */
  readonly keys: readonly Readonly<Row>[]
  /** The rows that hold them and stay. */
  readonly rows: readonly Readonly<Row>[]
}

export async function collectDoomed(
  model: Model,
  writer: Writer,
  db: Queryable,
  resource: Resource,
  keys: readonly Key[],
  locking: boolean,
): Promise<Doomed> {
  const lock: Lock = locking ? 'delete' : 'none'
  const found = new Map<string, DoomedRow>()
  const released: ReleasedRows[] = []
  let level = 0
  let fresh = keep(found, resource, await lookupRows(writer, db, resource, keys, lock), level)
  while (fresh.length > 0) {
    level += 1
    const next: DoomedRow[] = []
    const searches = byResource(fresh).flatMap(([target, rows]) =>
      referrersOf(model, target).map((referrer) => ({ referrer, rows })),
    )
    const results = await inOrder(
      db,
      searches.map(({ referrer, rows }) => async () => {
        const { source, relation } = referrer
        const keys = rows.map((row) =>
          Object.fromEntries(relation.columns.map((pair) => [pair.column, row.stored[pair.references]])),
        )
        if (relation.onDelete === 'restrict') return { referrer, keys, rows: [] }
        const by = relation.columns
          .map((pair) => source.columns.get(pair.column))
          .filter((column) => column !== undefined)
        return { referrer, keys, rows: await lookupRows(writer, db, source, keys, lock, by) }
      }),
    )
    for (const result of results) {
      const { relation, source } = result.referrer
      if (relation.onDelete === 'cascade') next.push(...keep(found, source, result.rows, level))
      if (relation.onDelete === 'set_null' && result.rows.length > 0) {
        released.push(result)
      }
    }
    fresh = next
  }
  const stays = (source: Resource, row: Readonly<Row>) => !found.has(rowIdentity(source, row))
  return {
    rows: [...found.values()],
    released: released.map((each) => ({
      ...each,
      rows: each.rows.filter((row) => stays(each.referrer.source, row)),
    })),
  }
}

function keep(
  found: Map<string, DoomedRow>,
  resource: Resource,
  rows: readonly Row[],
  level: number,
): DoomedRow[] {
  const fresh: DoomedRow[] = []
  for (const stored of rows) {
    const key = keyOf(resource, stored)
    const id = rowIdentity(resource, stored)
    if (key === null || found.has(id)) continue
    const row = { resource, key, stored, level }
    found.set(id, row)
    fresh.push(row)
  }
  return fresh
}

/** Rows grouped by resource, in the order in which resources first appear; those of each in the order of their keys. */
export function byResource(rows: readonly DoomedRow[]): [Resource, DoomedRow[]][] {
  const groups = new Map<Resource, DoomedRow[]>()
  for (const row of rows) {
    const group = groups.get(row.resource)
    if (group === undefined) groups.set(row.resource, [row])
    else group.push(row)
  }
  for (const [{ primaryKey }, group] of groups) group.sort((a, b) => compareKeys(primaryKey, a.key, b.key))
  return [...groups]
}

function compareKeys(columns: readonly Column[], a: Key, b: Key): number {
  for (const column of columns) {
    const order = compareValues(column, a[column.name], b[column.name])
    if (order !== 0) return order
  }
  return 0
}
