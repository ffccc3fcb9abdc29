/** What separates two schemas, one change at a time, each told in words and marked when it may lose data. */
import type { CheckSpec, ColumnSpec, ColumnsSpec, ForeignKeySpec, TableSpec } from './schema.js'

export type Change =
  | { readonly kind: 'rename_table'; readonly table: string; readonly from: string }
  | { readonly kind: 'create_table'; readonly table: string; readonly spec: TableSpec }
  | { readonly kind: 'drop_table'; readonly table: string }
  | { readonly kind: 'rename_column'; readonly table: string; readonly from: string; readonly to: string }
  | { readonly kind: 'add_column'; readonly table: string; readonly column: ColumnSpec }
  | { readonly kind: 'drop_column'; readonly table: string; readonly column: ColumnSpec }
  | {
      readonly kind: 'change_type'
      readonly table: string
      readonly column: ColumnSpec
      readonly from: string
    }
  | { readonly kind: 'set_required'; readonly table: string; readonly column: ColumnSpec }
  | { readonly kind: 'set_optional'; readonly table: string; readonly column: ColumnSpec }
  | { readonly kind: 'set_identity'; readonly table: string; readonly column: ColumnSpec }
  | {
      readonly kind: 'change_key'
      readonly table: string
      readonly name: string
      readonly from: readonly string[]
      readonly to: readonly string[]
    }
  | { readonly kind: 'add_unique' | 'drop_unique'; readonly table: string; readonly spec: ColumnsSpec }
  | { readonly kind: 'add_index' | 'drop_index'; readonly table: string; readonly spec: ColumnsSpec }
  | { readonly kind: 'add_check' | 'drop_check'; readonly table: string; readonly spec: CheckSpec }
  | {
      readonly kind: 'add_foreign_key' | 'drop_foreign_key'
      readonly table: string
      readonly spec: ForeignKeySpec
    }
  | {
      readonly kind: 'rename_constraint'
      readonly table: string
      readonly of: 'constraint' | 'index'
      readonly from: string
      readonly spec: ColumnsSpec
    }

export type ChangeKind = Change['kind']

export interface Step {
  readonly change: Change
  /** May lose data, or cannot be done to the data there is. */
  readonly destructive: boolean
  /** `add column dataset.name`. */
  readonly description: string
}

const words = (names: readonly string[]): string => names.join(', ')

/** One line for people. */
export function describe(change: Change): string {
  const { table } = change
  switch (change.kind) {
    case 'rename_table':
      return `rename table ${change.from} to ${table}`
    case 'create_table':
      return `create table ${table}`
    case 'drop_table':
      return `drop table ${table} with all its rows`
    case 'rename_column':
      return `rename column ${table}.${change.from} to ${change.to}`
    case 'add_column':
      return `add column ${table}.${change.column.name}`
    case 'drop_column':
      return `drop column ${table}.${change.column.name} with all its values`
    case 'change_type':
      return `change ${table}.${change.column.name} from ${change.from} to ${change.column.type}`
    case 'set_required':
      return `make ${table}.${change.column.name} required`
    case 'set_optional':
      return `make ${table}.${change.column.name} optional`
    case 'set_identity':
      return `${change.column.identity ? 'generate' : 'no longer generate'} values of ${table}.${change.column.name}`
    case 'change_key':
      return `change the primary key of ${table} from (${words(change.from)}) to (${words(change.to)})`
    case 'rename_constraint':
      return `rename ${change.of} ${change.from} of ${table} to ${change.spec.name}`
    case 'add_check':
    case 'drop_check':
      return `${change.kind === 'add_check' ? 'check' : 'no longer check'} the values of ${table}.${change.spec.column}`
    case 'add_foreign_key':
    case 'drop_foreign_key':
      return `${verb(change.kind)} reference from ${table} (${words(change.spec.columns)}) to ${change.spec.table}`
    default:
      return `${verb(change.kind)} ${change.kind.endsWith('unique') ? 'unique constraint on' : 'index on'} ${table} (${words(change.spec.columns)})`
  }
}

const verb = (kind: ChangeKind): string => kind.slice(0, kind.indexOf('_'))

/** The order in which changes are applied: names first, then what is in the way, then what is new. */
const ORDER: readonly ChangeKind[] = [
  'rename_table',
  'rename_column',
  'drop_foreign_key',
  'drop_check',
  'drop_unique',
  'drop_index',
  'rename_constraint',
  'create_table',
  'add_column',
  'change_type',
  'set_optional',
  'set_required',
  'set_identity',
  'change_key',
  'drop_column',
  'drop_table',
  'add_check',
  'add_unique',
  'add_index',
  'add_foreign_key',
]

export const inOrder = (changes: readonly Change[]): readonly Change[] =>
  [...changes].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
