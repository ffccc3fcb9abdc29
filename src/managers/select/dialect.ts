/** Where the two databases say the same thing in other words. One table for each; nothing else knows the difference. */
import type { ColumnType, DialectName } from '../../config/definition.js'
import type { Column } from '../../model/model.js'
import type { Pattern, Scalar } from '../../plan/plan.js'
import { RECORD_TYPE } from '../mutate/columns.js'
import { patternRegex } from './pattern.js'

/** A key of a JSON object and the SQL of its value. */
export type Pair = readonly [key: string, sql: string]

export interface Dialect {
  readonly name: DialectName
  /** A column's value as it belongs into JSON: the same on both databases. */
  json(column: Column, sql: string): string
  /** What sorts and compares as the column's values do. */
  comparable(column: Column, sql: string): string
  /** A JSON object, as a value inside another one or as the text of a row. */
  object(pairs: readonly Pair[]): string
  /** Array of objects in this order; `[]` for none. An aggregate. */
  array(pairs: readonly Pair[], order: string): string
  /** JSON array of scalars. */
  list(items: readonly string[]): string
  /** Any of several values, bound as one parameter. */
  anyOf(sql: string, placeholder: string): string
  many(values: readonly Scalar[]): unknown
  matches(sql: string, placeholder: string): string
  pattern(pattern: Pattern): unknown
  paths(paths: readonly string[]): unknown
  /** What is JSON already, as a value inside an object. */
  nested(sql: string): string
  /** A table of keys with their position `ord`, from one parameter: a JSON array of arrays. Columns `k0`, `k1`… */
  keys(columns: readonly Column[], placeholder: string): string
  /** `NULLS …` that makes nulls last ascending and first descending. */
  nulls(descending: boolean): string
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

type Wrap = (sql: string) => string
type ByType = Partial<Record<ColumnType, Wrap>>

const wrapped = (table: ByType, column: Column, sql: string): string => table[column.type]?.(sql) ?? sql

const C_COLLATION: Wrap = (sql) => `${sql} COLLATE "C"`

const POSTGRES_JSON: ByType = {
  decimal: (sql) => `${sql}::text`,
  datetime: (sql) => `to_char(${sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
}
const POSTGRES_COMPARABLE: ByType = { string: C_COLLATION, text: C_COLLATION, enum: C_COLLATION }

const pathTexts = new WeakMap<readonly string[], string>()

/** A caller's paths as a parameter, written once for as long as the identity lives. */
function textOnce(paths: readonly string[], write: (paths: readonly string[]) => string): string {
  const known = pathTexts.get(paths)
  if (known !== undefined) return known
  const text = write(paths)
  pathTexts.set(paths, text)
  return text
}

/** Of a PostgreSQL array literal. */
const arrayElement = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

const record = (pairs: readonly Pair[]): string =>
  `(SELECT r FROM (SELECT ${pairs.map(([key, sql]) => `${sql} AS ${quote(key)}`).join(', ')}) r)`

const POSTGRES: Dialect = {
  name: 'postgres',
  json: (column, sql) => (column.virtual ? 'NULL::text' : wrapped(POSTGRES_JSON, column, sql)),
  comparable: (column, sql) => wrapped(POSTGRES_COMPARABLE, column, sql),
  object: (pairs) => `row_to_json(${record(pairs)})`,
  array: (pairs, order) => `COALESCE(json_agg(${record(pairs)} ORDER BY ${order}), '[]')`,
  list: (items) => `json_build_array(${items.join(', ')})`,
  anyOf: (sql, placeholder) => `${sql} = ANY(${placeholder})`,
  many: (values) => values,
  matches: (sql, placeholder) => `${sql} ~ ${placeholder}`,
  pattern: patternRegex,
  paths: (paths) => textOnce(paths, (all) => `{${all.map(arrayElement).join(',')}}`),
  nested: (sql) => sql,
  keys: (columns, placeholder) => {
    const values = columns.map(({ type }, index) => `(e ->> ${index})::${RECORD_TYPE[type]} AS k${index}`)
    return `SELECT ${values.join(', ')}, ord FROM json_array_elements(${placeholder}::json) WITH ORDINALITY AS x(e, ord)`
  },
  nulls: () => '',
}

/** `json()` marks text as JSON; without it booleans and documents would become strings. */
const SQLITE_JSON: ByType = {
  boolean: (sql) => `json(CASE ${sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)`,
  json: (sql) => `json(${sql})`,
}
const SQLITE_COMPARABLE: ByType = { decimal: (sql) => `biodm_decimal_key(${sql})` }

/** `json_object` takes a thousand arguments; wider rows are put together from several. */
const MAX_PAIRS = 400

function jsonObject(pairs: readonly Pair[]): string {
  if (pairs.length <= MAX_PAIRS) return jsonObjectOf(pairs)
  const inner: string[] = []
  for (let start = 0; start < pairs.length; start += MAX_PAIRS) {
    const object = jsonObjectOf(pairs.slice(start, start + MAX_PAIRS))
    inner.push(`substr(${object}, 2, length(${object}) - 2)`)
  }
  return `json('{' || ${inner.join(" || ',' || ")} || '}')`
}

const jsonObjectOf = (pairs: readonly Pair[]): string =>
  `json_object(${pairs.map(([key, sql]) => `${literal(key)}, ${sql}`).join(', ')})`

const SQLITE: Dialect = {
  name: 'sqlite',
  json: (column, sql) => (column.virtual ? 'NULL' : wrapped(SQLITE_JSON, column, sql)),
  comparable: (column, sql) => wrapped(SQLITE_COMPARABLE, column, sql),
  object: jsonObject,
  array: (pairs, order) => `json_group_array(${jsonObject(pairs)} ORDER BY ${order})`,
  list: (items) => `json_array(${items.join(', ')})`,
  anyOf: (sql, placeholder) => `${sql} IN (SELECT value FROM json_each(${placeholder}))`,
  many: (values) => JSON.stringify(values),
  matches: (sql, placeholder) => `biodm_matches(${sql}, ${placeholder})`,
  pattern: ({ pieces }) => JSON.stringify(pieces),
  paths: (paths) => textOnce(paths, JSON.stringify),
  nested: (sql) => `json(${sql})`,
  keys: (columns, placeholder) => {
    const values = columns.map((_, index) => `json_extract(value, '$[${index}]') AS k${index}`)
    return `SELECT ${values.join(', ')}, key AS ord FROM json_each(${placeholder})`
  },
  nulls: (descending) => (descending ? ' NULLS FIRST' : ' NULLS LAST'),
}

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = Object.freeze({
  postgres: Object.freeze(POSTGRES),
  sqlite: Object.freeze(SQLITE),
})
