/** How values of a column type travel into a statement, on each database. */
import type { ColumnType, DialectName } from '../../config/definition.js'
import { BiodmError } from '../../errors.js'

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
  if (column.type === 'json') return dialect === 'sqlite' ? jsonText(value) : JSON.stringify(value)
  if (dialect === 'sqlite' && typeof value === 'boolean') return value ? 1 : 0
  return value
}

/** JSON with its keys in the order in which `jsonb` keeps them: by length, then by bytes. */
function jsonText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  const members = Object.entries(value).map(([key, member]) => ({ key, member, bytes: Buffer.from(key) }))
  members.sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
  return `{${members.map(({ key, member }) => `${JSON.stringify(key)}:${jsonText(member)}`).join(',')}}`
}

/** Value as read by `SELECT column`, in the canonical form that JSON has. */
export function decode(column: StoredColumn, value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (column.type === 'boolean') return value === true || value === 1 || value === 1n
  if (column.type === 'json') return typeof value === 'string' ? document(column, value) : value
  return typeof value === 'bigint' ? Number(value) : value
}

/** Databases of others may hold any text where a document is declared. */
function document({ name }: StoredColumn, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BiodmError('unavailable', 'A stored row is not as it should be.', {
      cause: new Error(`the column ${name} holds what is no JSON`, { cause }),
    })
  }
}
