import type { Queryable } from '../database.js'
import type { CheckSpec, ColumnSpec, ColumnsSpec, ForeignKeySpec, Schema, TableSpec } from './schema.js'

const COLUMNS = `
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity <> ''
  OR pg_get_serial_sequence(quote_ident(c.relname), a.attname) IS NOT NULL
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
ORDER BY c.relname, a.attnum`

const names = (keys: string, table: string): string =>
  `(SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(${keys}) WITH ORDINALITY AS k(num, n)
    JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = k.num)`

const CONSTRAINTS = `
SELECT c.relname, o.contype, o.conname, ${names('o.conkey', 'o.conrelid')}, f.relname,
  ${names('o.confkey', 'o.confrelid')}, o.confdeltype, pg_get_constraintdef(o.oid)
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid LEFT JOIN pg_class f ON f.oid = o.confrelid
WHERE c.relnamespace = current_schema()::regnamespace AND o.contype IN ('p', 'u', 'f', 'c')
ORDER BY o.conname`

const INDEXES = `
SELECT c.relname, i.relname, x.indisunique, ${names('x.indkey', 'x.indrelid')}
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
WHERE c.relnamespace = current_schema()::regnamespace AND NOT x.indisprimary AND x.indpred IS NULL
  AND x.indexprs IS NULL AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = x.indexrelid AND o.contype IN ('p', 'u'))
ORDER BY i.relname`

const TYPES: Readonly<Record<string, string>> = {
  integer: 'integer',
  bigint: 'bigint',
  'double precision': 'number',
  numeric: 'sql:numeric',
  'character varying': 'text',
  text: 'text',
  boolean: 'boolean',
  date: 'date',
  'timestamp with time zone': 'datetime',
  uuid: 'uuid',
  jsonb: 'json',
  json: 'json',
}

/** `character varying(50)` → `string(50)`; what no configuration can name → `sql:…`. */
function typeOf(name: string): string {
  const text = /^character varying\((\d+)\)$/.exec(name)
  if (text !== null) return `string(${text[1]})`
  const decimal = /^numeric\((\d+),(\d+)\)$/.exec(name)
  if (decimal !== null) return `decimal(${decimal[1]},${decimal[2]})`
  return TYPES[name] ?? `sql:${name}`
}

const ACTIONS: Readonly<Record<string, ForeignKeySpec['onDelete']>> = { c: 'cascade', n: 'set_null' }

interface Found {
  readonly columns: ColumnSpec[]
  readonly uniques: ColumnsSpec[]
  readonly indexes: ColumnsSpec[]
  readonly checks: CheckSpec[]
  readonly foreignKeys: ForeignKeySpec[]
  primaryKey: readonly string[]
  primaryKeyName: string | null
}

/** The tables of the current schema, other programs' too. */
export async function introspectPostgres(db: Queryable): Promise<Schema> {
  const found = new Map<string, Found>()
  for (const [table, name, type, required, identity] of await db.query({ text: COLUMNS, values: [] })) {
    const entry = found.get(String(table)) ?? empty()
    found.set(String(table), entry)
    entry.columns.push({
      name: String(name),
      type: typeOf(String(type)),
      required: required === true,
      identity: identity === true,
      renamedFrom: null,
      fill: null,
    })
  }
  for (const row of await db.query({ text: CONSTRAINTS, values: [] })) addConstraint(found, row)
  for (const [table, name, unique, columns] of await db.query({ text: INDEXES, values: [] })) {
    const entry = found.get(String(table))
    const spec = { name: String(name), columns: list(columns) }
    if (unique === true) entry?.uniques.push(spec)
    else entry?.indexes.push(spec)
  }
  return new Map([...found].map(([name, entry]): [string, TableSpec] => [name, tableOf(name, entry)]))
}

const empty = (): Found => ({
  columns: [],
  uniques: [],
  indexes: [],
  checks: [],
  foreignKeys: [],
  primaryKey: [],
  primaryKeyName: null,
})

const tableOf = (name: string, { primaryKeyName, ...entry }: Found): TableSpec => ({
  name,
  managed: false,
  ...entry,
  ...(primaryKeyName === null ? {} : { primaryKeyName }),
  renamedFrom: [],
  seed: null,
})

/** The driver leaves JSON as text. */
const list = (json: unknown): readonly string[] =>
  json === null ? [] : (JSON.parse(String(json)) as string[])

function addConstraint(found: ReadonlyMap<string, Found>, row: readonly unknown[]): void {
  const [table, kind, name, columns, target, references, action, definition] = row
  const entry = found.get(String(table))
  if (entry === undefined) return
  const spec = { name: String(name), columns: list(columns) }
  switch (kind) {
    case 'p':
      entry.primaryKey = spec.columns
      entry.primaryKeyName = spec.name
      break
    case 'u':
      entry.uniques.push(spec)
      break
    case 'f':
      entry.foreignKeys.push({
        ...spec,
        table: String(target),
        references: list(references),
        onDelete: ACTIONS[String(action)] ?? 'no_action',
      })
      break
    default:
      entry.checks.push(...valuesCheck(spec, String(definition)))
  }
}

/** `CHECK ((state = ANY (ARRAY['a'::text, 'b'::text])))`: only checks of this form, on one column, are ours. */
function valuesCheck({ name, columns }: ColumnsSpec, definition: string): CheckSpec[] {
  const [column] = columns
  const values = [...definition.matchAll(/'((?:[^']|'')*)'(?:::[a-z ]+)?/g)].map((match) =>
    (match[1] ?? '').replaceAll("''", "'"),
  )
  const ours = /^CHECK \(\(*"?[^()]+"?\)?(::text)? = (ANY \(|')/.test(definition)
  return column === undefined || columns.length > 1 || !ours ? [] : [{ name, column, values }]
}
