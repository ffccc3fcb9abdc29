/**
 * A database's tables as plain data: what the model wants and what introspection finds have the same shape, so that they
 * can be compared. Column types are written as in a configuration (`string(50)`, `decimal(10,2)`, `integer`); a type that
 * no configuration can name is `sql:<its name>`.
 */
import type { ColumnDefault } from '../../config/definition.js'

export interface TableSpec {
  readonly name: string
  /** biodm's own: always migrated, whatever `database.migrate` says. */
  readonly managed: boolean
  readonly columns: readonly ColumnSpec[]
  readonly primaryKey: readonly string[]
  /** As found on PostgreSQL. */
  readonly primaryKeyName?: string
  readonly uniques: readonly ColumnsSpec[]
  readonly indexes: readonly ColumnsSpec[]
  readonly checks: readonly CheckSpec[]
  readonly foreignKeys: readonly ForeignKeySpec[]
  /** Names that the table may have had before. */
  readonly renamedFrom: readonly string[]
  /** `INSERT … SELECT` that fills a new table from one that exists. */
  readonly seed: SeedSpec | null
}

export interface ColumnSpec {
  readonly name: string
  readonly type: string
  readonly required: boolean
  /** The database draws its values: an identity column, or SQLite's AUTOINCREMENT. */
  readonly identity: boolean
  readonly renamedFrom: string | null
  /** What existing rows get when the column is added or becomes required; null: nothing. */
  readonly fill: FillSpec | null
}

export type FillSpec =
  | Exclude<ColumnDefault, { readonly kind: 'user' } | { readonly kind: 'parent_path' }>
  /** The first version, where the rest of the foreign key (`of`) is not null. */
  | { readonly kind: 'version'; readonly of: string }

/** A unique constraint or an index. */
export interface ColumnsSpec {
  readonly name: string
  readonly columns: readonly string[]
}

/** The column holds one of `values`. */
export interface CheckSpec {
  readonly name: string
  readonly column: string
  readonly values: readonly string[]
}

export interface ForeignKeySpec {
  readonly name: string
  readonly columns: readonly string[]
  readonly table: string
  readonly references: readonly string[]
  readonly onDelete: 'no_action' | 'cascade' | 'set_null'
}

/** The entities of a table that becomes versioned. */
export interface SeedSpec {
  readonly from: string
  readonly keys: readonly string[]
  readonly version: string
}

/** Tables by name. */
export type Schema = ReadonlyMap<string, TableSpec>

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
export const quoteAll = (names: readonly string[]): string => names.map(quote).join(', ')
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The same columns, in any order. */
export const sameColumns = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name) => b.includes(name))
