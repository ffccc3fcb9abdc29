/**
 * Where the tables of resources are not as the configuration says, although others make them (`database.migrate: off`):
 * what is missing, and columns of a type that cannot hold or show the declared values. Views and foreign tables count: a
 * resource may be served from one.
 */
import type { Queryable } from '../database.js'
import { type Fit, fitsPostgres, fitsSqlite } from './fit.js'
import type { ColumnSpec, Schema } from './schema.js'

/**
 * `table lims_sample`, `column lims_sample.label` for what is missing, `column lims_sample.no is text, not integer` for
 * what does not fit, in the order of the model; empty when everything is there.
 */
export async function unservedParts(db: Queryable, wanted: Schema): Promise<readonly string[]> {
  const tables = [...wanted.values()].filter((table) => !table.managed)
  const parts: string[] = []
  for (const { name, columns } of tables) {
    const found = await columnsOf(db, name)
    if (found.size === 0) parts.push(`table ${name}`)
    else parts.push(...columns.flatMap((column) => complaint(db, name, column, found)))
  }
  return parts
}

function complaint(
  db: Queryable,
  table: string,
  column: ColumnSpec,
  found: ReadonlyMap<string, FoundColumn>,
): string[] {
  const live = found.get(folded(db, column.name))
  const place = `column ${table}.${column.name}`
  if (live === undefined) return [place]
  return FITS[db.dialect](column.type, live.base) ? [] : [`${place} is ${live.type}, not ${column.type}`]
}

const FITS: Readonly<Record<Queryable['dialect'], Fit>> = { postgres: fitsPostgres, sqlite: fitsSqlite }

/** `base`: what decides whether it fits; of a domain its base type. */
interface FoundColumn {
  readonly type: string
  readonly base: string
}

/** Names in SQLite do not differ by case. */
const folded = ({ dialect }: Queryable, name: string): string =>
  dialect === 'sqlite' ? name.toLowerCase() : name

const COLUMNS = {
  postgres: `WITH RECURSIVE base AS (
      SELECT a.attname, a.attnum, format_type(a.atttypid, a.atttypmod) AS shown, t.oid, a.atttypmod AS typmod,
        t.typbasetype, t.typtypmod, t.typcategory
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT b.attname, b.attnum, b.shown, t.oid, b.typtypmod, t.typbasetype, t.typtypmod, t.typcategory
      FROM base b JOIN pg_type t ON t.oid = b.typbasetype)
    SELECT attname, shown, CASE WHEN typcategory = 'S' THEN 'text' ELSE format_type(oid, typmod) END
    FROM base WHERE typbasetype = 0 ORDER BY attnum`,
  sqlite: 'SELECT name, type, type FROM pragma_table_xinfo(?)',
} as const

async function columnsOf(db: Queryable, table: string): Promise<ReadonlyMap<string, FoundColumn>> {
  const rows = await db.query({ text: COLUMNS[db.dialect], values: [table] })
  return new Map(
    rows.map(([name, type, base]) => [
      folded(db, String(name)),
      { type: String(type), base: String(base) } as const,
    ]),
  )
}
