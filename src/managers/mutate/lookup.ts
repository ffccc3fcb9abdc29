/** Loads rows by key, all columns, optionally locked until the transaction ends. */
import type { Key, Row } from '../../hooks.js'
import type { Column, Resource } from '../../model/model.js'
import type { Queryable, Statement } from '../database.js'
import { decode, names, quote, RECORD_TYPE, type StoredColumn } from './columns.js'
import { columnShape, records, type Writer } from './rows.js'

/** `share`: the row stays as it is. `update`: other columns than the key will change. `delete`: the row goes. */
export type Lock = 'none' | 'share' | 'update' | 'delete'

const LOCKS: Readonly<Record<Lock, string>> = {
  none: '',
  share: ' FOR SHARE OF t',
  update: ' FOR NO KEY UPDATE OF t',
  delete: ' FOR UPDATE OF t',
}

/** Another table than the resource's own, with the columns to select from it. */
export interface Source {
  readonly table: string
  readonly columns: readonly StoredColumn[]
}

/** Stored columns of a resource: everything but virtual ones. */
export function storedColumns(resource: Resource): readonly Column[] {
  const known = stored.get(resource)
  if (known !== undefined) return known
  const columns = Object.freeze([...resource.columns.values()].filter((column) => !column.virtual))
  stored.set(resource, columns)
  return columns
}

const stored = new WeakMap<Resource, readonly Column[]>()

/**
 * Rows of `resource` whose `by` columns (the primary key by default) have one of the given combinations. Locked rows
 * are taken in key order, so that two transactions do not wait for each other.
 */
export function lookupStatement(
  writer: Writer,
  resource: Resource,
  keys: readonly Readonly<Row>[],
  lock: Lock,
  by: readonly StoredColumn[] = resource.primaryKey,
  source?: Source,
): Statement {
  const { table, columns } = source ?? { table: resource.table, columns: storedColumns(resource) }
  const shown = source === undefined ? 'all' : columnShape(columns)
  const named = writer.texts.get(`lookup ${table} ${shown} by ${columnShape(by)} ${lock}`, () => {
    const select = `SELECT ${names(columns, 't.')} FROM ${quote(table)} AS t`
    const order = lock === 'none' ? '' : ` ORDER BY ${names(resource.primaryKey, 't.')}`
    return writer.dialect === 'postgres'
      ? `${select} ${postgresMatch(by)}${order}${LOCKS[lock]}`
      : `${select} ${sqliteMatch(by)}${order}`
  })
  return { ...named, values: [keysText(writer, by, keys)] }
}

/** Condition `t.key IN (parameter 1)` for statements on alias `t`, joined where the key is composite. */
export function postgresMatch(by: readonly StoredColumn[]): string {
  const [only, second] = by
  if (only !== undefined && second === undefined) {
    return `WHERE t.${quote(only.name)} = ANY($1::${RECORD_TYPE[only.type]}[])`
  }
  const on = by.map((column) => `t.${quote(column.name)} = k.${quote(column.name)}`).join(' AND ')
  return `JOIN ${records(by, 'k')} ON ${on}`
}

export function sqliteMatch(by: readonly StoredColumn[]): string {
  const [only, second] = by
  if (only !== undefined && second === undefined) {
    return `WHERE t.${quote(only.name)} IN (SELECT value FROM json_each(?))`
  }
  const on = by.map((column, index) => `t.${quote(column.name)} = k.value ->> ${index}`).join(' AND ')
  return `JOIN json_each(?) AS k ON ${on}`
}

/** The one parameter of a match. */
export function keysText(
  writer: Writer,
  by: readonly StoredColumn[],
  keys: readonly Readonly<Row>[],
): unknown {
  const [only, second] = by
  if (only !== undefined && second === undefined) {
    const values = keys.map((key) => key[only.name])
    return writer.dialect === 'postgres' ? values : JSON.stringify(values)
  }
  return JSON.stringify(
    writer.dialect === 'postgres'
      ? keys.map((key) => Object.fromEntries(by.map(({ name }) => [name, key[name]])))
      : keys.map((key) => by.map(({ name }) => key[name])),
  )
}

export function decodeRow(columns: readonly StoredColumn[], values: readonly unknown[]): Row {
  const row: Row = {}
  columns.forEach((column, index) => {
    row[column.name] = decode(column, values[index])
  })
  return row
}

export async function lookupRows(
  writer: Writer,
  db: Queryable,
  resource: Resource,
  keys: readonly (Key | Row)[],
  lock: Lock,
  by?: readonly StoredColumn[],
): Promise<readonly Row[]> {
  if (keys.length === 0) return []
  const rows = await db.query(lookupStatement(writer, resource, keys, lock, by))
  const columns = storedColumns(resource)
  return rows.map((values) => decodeRow(columns, values))
}
