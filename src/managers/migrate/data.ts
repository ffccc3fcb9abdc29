/** Questions to the rows there are: whether a change can be made to them, and whether it loses any. */
import type { Queryable } from '../database.js'
import type { Change, Step } from './changes.js'
import { describe } from './changes.js'
import { fillExpression } from './ddl.js'
import { type CheckSpec, type ColumnSpec, quote, type Schema } from './schema.js'
import { conversion, isOfType, isWidening, narrowedLength, unfitNumbers } from './types.js'

/** Where a table is found before the migration, whatever it will be called. */
type LiveName = (table: string) => string | undefined

export interface Judging {
  readonly db: Queryable
  readonly live: Schema
  readonly changes: readonly Change[]
}

/** Every change as a step: destructive when it may lose data or asks for values that are not there. */
export async function judge(judging: Judging): Promise<readonly Step[]> {
  const liveName = liveNames(judging)
  const steps: Step[] = []
  for (const change of judging.changes) {
    const trouble = await troubleOf(change, judging, liveName)
    steps.push(
      Object.freeze({
        change,
        destructive: trouble !== null,
        description:
          trouble === null || trouble === '' ? describe(change) : `${describe(change)} (${trouble})`,
      }),
    )
  }
  return steps
}

function liveNames({ live, changes }: Judging): LiveName {
  const renamed = new Map(
    changes.flatMap((change) =>
      change.kind === 'rename_table' ? [[change.table, change.from] as const] : [],
    ),
  )
  return (table) => renamed.get(table) ?? (live.has(table) ? table : undefined)
}

/** Null: none. Otherwise why the step is destructive, '' when its description says so already. */
async function troubleOf(
  change: Change,
  { db, changes }: Judging,
  liveName: LiveName,
): Promise<string | null> {
  const table = liveName(change.table)
  switch (change.kind) {
    case 'drop_table':
    case 'drop_column':
      return ''
    case 'change_type':
      return isWidening(change.from, change.column.type) ? null : 'values may be lost'
    case 'change_key':
      return change.from.every((name) => change.to.includes(name)) ? null : 'rows may no longer be told apart'
    case 'drop_check':
      return lostValues(change, changes)
    case 'add_column':
      return table === undefined ? null : unfilled(db, table, change.column)
    case 'set_required': {
      if (table === undefined) return null
      const empty = await count(db, table, `${quote(formerColumn(change, changes))} IS NULL`)
      return empty === 0 ? null : `${empty} ${empty === 1 ? 'row has' : 'rows have'} no value`
    }
    default:
      return null
  }
}

/** A required column that nothing fills cannot join a table with rows. */
async function unfilled(db: Queryable, table: string, column: ColumnSpec): Promise<string | null> {
  if (!column.required || column.identity) return null
  if (fillExpression(db.dialect, column) !== undefined) return null
  return (await hasRows(db, table)) ? 'rows exist and there is no default' : null
}

/** A check that comes back with fewer values forbids what rows may hold. */
function lostValues(
  change: { readonly table: string; readonly spec: CheckSpec },
  changes: readonly Change[],
): string | null {
  const again = changes.find(
    (other) =>
      other.kind === 'add_check' && other.table === change.table && other.spec.column === change.spec.column,
  )
  if (again?.kind !== 'add_check') return null
  const lost = change.spec.values.filter((value) => !again.spec.values.includes(value))
  return lost.length === 0 ? null : `${lost.map((value) => `"${value}"`).join(', ')} no longer allowed`
}

/** A column that this migration also renames is still found under its old name. */
function formerColumn(
  change: { readonly table: string; readonly column: { readonly name: string } },
  changes: readonly Change[],
): string {
  const rename = changes.find(
    (other) =>
      other.kind === 'rename_column' && other.table === change.table && other.to === change.column.name,
  )
  return rename?.kind === 'rename_column' ? rename.from : change.column.name
}

async function hasRows(db: Queryable, table: string): Promise<boolean> {
  const rows = await db.query({ text: `SELECT 1 FROM ${quote(table)} LIMIT 1`, values: [] })
  return rows.length > 0
}

async function count(db: Queryable, table: string, condition: string): Promise<number> {
  const [row] = await db.query({
    text: `SELECT count(*) FROM ${quote(table)} WHERE ${condition}`,
    values: [],
  })
  return Number(row?.[0])
}

/**
 * What cannot be done even when losses are allowed: a required column without any value to give, texts that are too long.
 * SQLite would keep the latter silently.
 */
export async function impossibilities(judging: Judging): Promise<readonly string[]> {
  const { db, changes } = judging
  const liveName = liveNames(judging)
  const found: string[] = []
  for (const change of changes) {
    const table = liveName(change.table)
    if (table === undefined) continue
    if (change.kind === 'add_column' || change.kind === 'set_required') {
      const trouble = await troubleOf(change, judging, liveName)
      if (trouble !== null && fillExpression(db.dialect, change.column) === undefined) {
        found.push(`${change.table}.${change.column.name}: ${trouble}; give the column a default`)
      }
    }
    if (change.kind === 'change_type') found.push(...(await misfits(db, table, change, changes)))
  }
  return found
}

async function misfits(
  db: Queryable,
  table: string,
  change: Change & { readonly kind: 'change_type' },
  changes: readonly Change[],
): Promise<readonly string[]> {
  const { from, column } = change
  const name = quote(formerColumn(change, changes))
  const place = `${change.table}.${column.name}`
  const length = narrowedLength(from, column.type)
  if (length !== undefined) {
    const rows = await count(db, table, `length(${name}) > ${length}`)
    return rows === 0 ? [] : [`${place}: ${rows} values are longer than ${length} characters; shorten them`]
  }
  if (isWidening(from, column.type)) return []
  const sentence = (rows: number): readonly string[] =>
    rows === 0 ? [] : [`${place}: ${rows} values are no ${column.type}; change them first`]
  // PostgreSQL's casts refuse what does not fit, but for numbers; SQLite's make something of it.
  if (db.dialect === 'postgres') {
    const unfit = unfitNumbers(from, column.type, name)
    return unfit === undefined ? [] : sentence(await count(db, table, unfit))
  }
  const converted = conversion('sqlite', from, column.type, name)
  const original = column.type === 'integer' || column.type === 'bigint' || column.type === 'number'
  const values = await db.query({
    text: `SELECT ${original ? name : converted} FROM ${quote(table)} WHERE ${name} IS NOT NULL`,
    values: [],
  })
  return sentence(values.filter(([value]) => !isOfType(column.type, value)).length)
}

/** Rows that share values which are to be unique: told before the database refuses. */
export async function duplicates(
  db: Queryable,
  changes: readonly Change[],
  live: Schema,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const change of changes) {
    if (change.kind !== 'add_unique') continue
    const columns = live.get(change.table)?.columns.map((column) => column.name) ?? []
    if (!change.spec.columns.every((name) => columns.includes(name))) continue
    const names = change.spec.columns.map(quote)
    const present = names.map((name) => `${name} IS NOT NULL`).join(' AND ')
    const rows = await db.query({
      text: `SELECT 1 FROM ${quote(change.table)} WHERE ${present} GROUP BY ${names.join(', ')} HAVING count(*) > 1 LIMIT 1`,
      values: [],
    })
    if (rows.length > 0)
      found.push(`${change.table} has rows with the same ${change.spec.columns.join(', ')}`)
  }
  return found
}
