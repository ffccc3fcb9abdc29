/** How values of a column type travel into a statement, on each database. */
import type { ColumnType, DialectName } from '../../config/definition.js'

/** A column of any table that a statement writes or compares. */
export interface StoredColumn {
  readonly name: string
  readonly type: ColumnType
}

/** PostgreSQL's type of a field of `json_to_recordset` and of array parameters. Lengths are the table's business. */
export const RECORD_TYPE: Readonly<Record<ColumnType, string>> = {
  serial: 'integer',
  integer: 'integer',
  bigint: 'bigint',
  number: 'double precision',
  decimal: 'numeric',
  string: 'text',
  text: 'text',
  enum: 'text',
  boolean: 'boolean',
  date: 'date',
  datetime: 'timestamptz',
  uuid: 'uuid',
  json: 'jsonb',
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const names = (columns: readonly StoredColumn[], prefix = ''): string =>
  columns.map((column) => prefix + quote(column.name)).join(', ')

/** Value as a bound parameter of one row's statement. */
export function bind(dialect: DialectName, column: StoredColumn, value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (column.type === 'json') return JSON.stringify(value)
  if (dialect === 'sqlite' && typeof value === 'boolean') return value ? 1 : 0
  return value
}

/** Value as read by `SELECT column`, in the canonical form that JSON has. */
export function decode(column: StoredColumn, value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (column.type === 'boolean') return value === true || value === 1 || value === 1n
  if (column.type === 'json') return typeof value === 'string' ? JSON.parse(value) : value
  return typeof value === 'bigint' ? Number(value) : value
}
