/** `biodm_schema`: the type of every column that a migration made. Tables in it are ours. */
import type { Queryable, Transaction } from '../database.js'
import type { Comparison } from './compare.js'
import { SCHEMA_TABLE } from './internal.js'
import type { Schema } from './schema.js'

/** Table → column → type. */
export type Recorded = ReadonlyMap<string, ReadonlyMap<string, string>>

export async function readRecord(db: Queryable, live: Schema): Promise<Recorded> {
  const recorded = new Map<string, Map<string, string>>()
  if (!live.has(SCHEMA_TABLE)) return recorded
  const rows = await db.query({
    text: `SELECT table_name, column_name, type FROM ${SCHEMA_TABLE} ORDER BY table_name, column_name`,
    values: [],
  })
  for (const [table, column, type] of rows) {
    const columns = recorded.get(String(table)) ?? new Map<string, string>()
    columns.set(String(column), String(type))
    recorded.set(String(table), columns)
  }
  return recorded
}

interface Recording {
  readonly comparison: Comparison
  readonly live: Schema
  readonly wanted: Schema
  readonly recorded: Recorded
}

/** Writes down what was made, if that is not what is written already. */
export async function record(
  trx: Transaction,
  { comparison, live, wanted, recorded }: Recording,
): Promise<void> {
  const next = new Map<string, ReadonlyMap<string, string>>()
  const dropped = new Set(
    comparison.changes.flatMap((change) =>
      change.kind === 'drop_table' ? [change.table] : change.kind === 'rename_table' ? [change.from] : [],
    ),
  )
  for (const [table, columns] of recorded)
    if (live.has(table) && !dropped.has(table)) next.set(table, columns)
  for (const table of wanted.values()) {
    const kept = [...(recorded.get(table.name) ?? [])].filter(([name]) =>
      comparison.kept.includes(`${table.name}.${name}`),
    )
    next.set(table.name, new Map([...kept, ...table.columns.map(({ name, type }) => [name, type] as const)]))
  }
  const before = recordLines(recorded)
  const after = recordLines(next)
  if (before.join('\n') === after.join('\n')) return
  await trx.execute({ text: `DELETE FROM ${SCHEMA_TABLE}`, values: [] })
  const rows = [...next].flatMap(([table, columns]) => [...columns].map((entry) => [table, ...entry]))
  for (let start = 0; start < rows.length; start += RECORD_ROWS) {
    const values = rows.slice(start, start + RECORD_ROWS)
    const holder = (position: number) => (trx.dialect === 'postgres' ? `$${position}` : '?')
    const tuples = values.map(
      (_, row) => `(${[1, 2, 3].map((column) => holder(row * 3 + column)).join(', ')})`,
    )
    await trx.execute({
      text: `INSERT INTO ${SCHEMA_TABLE} (table_name, column_name, type) VALUES ${tuples.join(', ')}`,
      values: values.flat(),
    })
  }
}

const RECORD_ROWS = 500

const recordLines = (recorded: Recorded): readonly string[] =>
  [...recorded]
    .flatMap(([table, columns]) => [...columns].map((entry) => [table, ...entry].join('\t')))
    .sort()
