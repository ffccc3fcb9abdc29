/**
 * What the tables of resources lack, where others make them (`database.migrate: off`). Views and foreign tables count: a
 * resource may be served from one.
 */
import type { Queryable } from '../database.js'
import type { Schema } from './schema.js'

/** `table lims_sample` or `column lims_sample.label`, in the order of the model; empty when nothing is missing. */
export async function absentParts(db: Queryable, wanted: Schema): Promise<readonly string[]> {
  const tables = [...wanted.values()].filter((table) => !table.managed)
  const absent: string[] = []
  for (const { name, columns } of tables) {
    const found = await columnsOf(db, name)
    if (found.size === 0) absent.push(`table ${name}`)
    else
      for (const column of columns)
        if (!found.has(folded(db, column.name))) absent.push(`column ${name}.${column.name}`)
  }
  return absent
}

/** Names in SQLite do not differ by case. */
const folded = ({ dialect }: Queryable, name: string): string =>
  dialect === 'sqlite' ? name.toLowerCase() : name

const COLUMNS = {
  postgres: `SELECT attname FROM pg_attribute
    WHERE attrelid = to_regclass(quote_ident($1)) AND attnum > 0 AND NOT attisdropped`,
  sqlite: 'SELECT name FROM pragma_table_xinfo(?)',
} as const

async function columnsOf(db: Queryable, table: string): Promise<ReadonlySet<string>> {
  const rows = await db.query({ text: COLUMNS[db.dialect], values: [table] })
  return new Set(rows.map(([name]) => folded(db, String(name))))
}
