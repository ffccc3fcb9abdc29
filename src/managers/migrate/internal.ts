/** biodm's own tables, in the words of a configuration. Those that belong to a resource are in lists.ts. */

import { indexName, uniqueName } from './names.js'
import type { ColumnSpec, ColumnsSpec, TableSpec } from './schema.js'

/** Column name → type, with `!` for required. */
type Columns = Readonly<Record<string, string>>

interface InternalTable {
  readonly columns: Columns
  readonly primaryKey: readonly string[]
  readonly indexes?: readonly (readonly string[])[]
  readonly uniques?: readonly (readonly string[])[]
}

/** Types of all columns that migrations have made: what a database's own types do not tell (SQLite's TEXT). */
export const SCHEMA_TABLE = 'biodm_schema'

const TABLES: Readonly<Record<string, InternalTable>> = {
  /**
   * Who wrote what, in the transaction that wrote it: one row a request. `key` is that of the one object it was about,
   * `keys` a JSON array of them for an array. `body` is JSON text without hidden columns and secrets: written often,
   * read seldom, so that nothing is spent on parsing it.
   */
  biodm_history: {
    columns: {
      id: 'serial!',
      at: 'datetime!',
      username: 'text',
      method: 'text!',
      path: 'text!',
      resource: 'text!',
      key: 'text',
      keys: 'text',
      body: 'text',
      request_id: 'text',
    },
    primaryKey: ['id'],
    indexes: [['resource', 'key']],
  },
  /** Effects elsewhere that must happen; see managers/outbox.ts. */
  biodm_outbox: {
    columns: {
      id: 'serial!',
      job: 'text!',
      payload: 'text!',
      created_at: 'datetime!',
      run_at: 'datetime!',
      attempts: 'integer!',
      leased_until: 'datetime',
      leased_by: 'text',
      last_error: 'text',
    },
    primaryKey: ['id'],
    indexes: [['run_at']],
  },
  /** Small values shared by all processes; see managers/store.ts. */
  biodm_store: {
    columns: { namespace: 'text!', key: 'text!', value: 'text', expires_at: 'datetime' },
    primaryKey: ['namespace', 'key'],
    indexes: [['expires_at']],
  },
  /** One holder of a name at a time; see managers/lease.ts. */
  biodm_lease: {
    columns: { name: 'text!', owner: 'text!', until: 'datetime!' },
    primaryKey: ['name'],
  },
  [SCHEMA_TABLE]: {
    columns: { table_name: 'text!', column_name: 'text!', type: 'text!' },
    primaryKey: ['table_name', 'column_name'],
  },
}

const named = (
  table: string,
  sets: readonly (readonly string[])[] = [],
  name: (table: string, columns: readonly string[]) => string,
): readonly ColumnsSpec[] => sets.map((columns) => ({ name: name(table, columns), columns }))

/** `id: 'serial!'` → a column; `serial` is an identity column of type integer, or bigint with `bigserial`. */
export function internalColumn(name: string, type: string): ColumnSpec {
  const bare = type.replace('!', '')
  return {
    name,
    type: bare === 'serial' ? 'integer' : bare,
    required: type.endsWith('!'),
    identity: bare === 'serial',
    renamedFrom: null,
    fill: null,
  }
}

export function internalTables(): readonly TableSpec[] {
  return Object.entries(TABLES).map(([name, table]) => ({
    name,
    managed: true,
    columns: Object.entries(table.columns).map(([column, type]) => internalColumn(column, type)),
    primaryKey: table.primaryKey,
    uniques: named(name, table.uniques, uniqueName),
    indexes: named(name, table.indexes, indexName),
    checks: [],
    foreignKeys: [],
    renamedFrom: [],
    seed: null,
  }))
}
