import type { Queryable, RowArray } from '../database.js'
import type { CheckSpec, ColumnSpec, ColumnsSpec, ForeignKeySpec, Schema, TableSpec } from './schema.js'

const TABLES = `SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`

const fromTables = (columns: string, pragma: string, order: string): string =>
  `SELECT m.name, ${columns} FROM sqlite_master AS m, ${pragma}(m.name) AS p WHERE m.type = 'table' ORDER BY ${order}`

const COLUMNS = fromTables('p.name, p.type, p."notnull", p.pk', 'pragma_table_xinfo', 'm.name, p.cid')
const FOREIGN_KEYS = fromTables(
  'p.id, p."from", p."table", p."to", p.on_delete',
  'pragma_foreign_key_list',
  'm.name, p.id, p.seq',
)
const INDEXES = `
SELECT m.name, l.name, l."unique", l.origin, json_group_array(i.name)
FROM sqlite_master AS m, pragma_index_list(m.name) AS l, pragma_index_info(l.name) AS i
WHERE m.type = 'table' AND l.partial = 0 GROUP BY m.name, l.name ORDER BY l.name`

/** What a type name in an existing table means; TEXT may be many things, see `biodm_schema`. */
const TYPES: Readonly<Record<string, string>> = {
  INTEGER: 'integer',
  INT: 'integer',
  BIGINT: 'bigint',
  REAL: 'number',
  DOUBLE: 'number',
  TEXT: 'text',
  BOOLEAN: 'boolean',
}

function typeOf(name: string): string {
  const upper = name.toUpperCase()
  if (/^(VAR)?CHAR\(\d+\)$/.test(upper)) return 'text'
  return TYPES[upper] ?? `sql:${upper}`
}

const ACTIONS: Readonly<Record<string, ForeignKeySpec['onDelete']>> = {
  CASCADE: 'cascade',
  'SET NULL': 'set_null',
}

/** Rows by their first column. */
function grouped(rows: readonly RowArray[]): ReadonlyMap<string, RowArray[]> {
  const groups = new Map<string, RowArray[]>()
  for (const row of rows) {
    const key = String(row[0])
    const group = groups.get(key) ?? []
    group.push(row.slice(1))
    groups.set(key, group)
  }
  return groups
}

/** All tables, other programs' too. Types are those of storage: `refineTypes` tells a date from a text. */
export async function introspectSqlite(db: Queryable): Promise<Schema> {
  const read = (text: string) => db.query({ text, values: [] })
  const tables = await read(TABLES)
  const columns = grouped(await read(COLUMNS))
  const foreignKeys = grouped(await read(FOREIGN_KEYS))
  const indexes = grouped(await read(INDEXES))
  return new Map(
    tables.map(([name, sql]): [string, TableSpec] => {
      const table = String(name)
      const text = String(sql)
      return [
        table,
        {
          name: table,
          managed: false,
          ...columnsOf(columns.get(table) ?? [], text),
          ...indexesOf(indexes.get(table) ?? []),
          checks: checksOf(text),
          foreignKeys: foreignKeysOf(foreignKeys.get(table) ?? [], columns),
          renamedFrom: [],
          seed: null,
        },
      ]
    }),
  )
}

function columnsOf(rows: readonly RowArray[], sql: string): Pick<TableSpec, 'columns' | 'primaryKey'> {
  const key = rows.filter((row) => Number(row[3]) > 0).sort((a, b) => Number(a[3]) - Number(b[3]))
  const counted = /\bAUTOINCREMENT\b/i.test(sql)
  return {
    columns: rows.map(
      ([name, type, notNull, position]): ColumnSpec => ({
        name: String(name),
        type: typeOf(String(type)),
        required: Number(notNull) === 1 || Number(position) > 0,
        identity: counted && Number(position) === 1,
        renamedFrom: null,
        fill: null,
      }),
    ),
    primaryKey: key.map(([name]) => String(name)),
  }
}

function indexesOf(rows: readonly RowArray[]): Pick<TableSpec, 'uniques' | 'indexes'> {
  const uniques: ColumnsSpec[] = []
  const indexes: ColumnsSpec[] = []
  for (const [name, unique, origin, columns] of rows) {
    const names = JSON.parse(String(columns)) as (string | null)[]
    // An index on an expression has no column names; a primary key is told by its columns.
    if (origin === 'pk' || names.includes(null)) continue
    const spec = { name: String(name), columns: names as string[] }
    if (Number(unique) === 1) uniques.push(spec)
    else indexes.push(spec)
  }
  return { uniques, indexes }
}

/** The constraints that `createTable` writes; SQLite keeps the text as it was. */
function checksOf(sql: string): CheckSpec[] {
  const found: CheckSpec[] = []
  for (const match of sql.matchAll(
    /CONSTRAINT "([^"]+)" CHECK \("([^"]+)" IN \(((?:'(?:[^']|'')*'(?:, )?)+)\)\)/g,
  )) {
    const [, name = '', column = '', list = ''] = match
    const values = [...list.matchAll(/'((?:[^']|'')*)'/g)].map((value) =>
      (value[1] ?? '').replaceAll("''", "'"),
    )
    found.push({ name, column, values })
  }
  return found
}

function foreignKeysOf(
  rows: readonly RowArray[],
  columns: ReadonlyMap<string, readonly RowArray[]>,
): readonly ForeignKeySpec[] {
  const byId = new Map<string, RowArray[]>()
  for (const row of rows) byId.set(String(row[0]), [...(byId.get(String(row[0])) ?? []), row])
  return [...byId.values()].map((parts): ForeignKeySpec => {
    const table = String(parts[0]?.[2])
    const key = (columns.get(table) ?? []).filter((row) => Number(row[3]) > 0).map((row) => String(row[0]))
    const own = parts.map((part) => String(part[1]))
    return {
      // SQLite does not keep the names of foreign keys.
      name: '',
      columns: own,
      table,
      references: parts.map((part, position) => (part[3] === null ? (key[position] ?? '') : String(part[3]))),
      onDelete: ACTIONS[String(parts[0]?.[4])] ?? 'no_action',
    }
  })
}
