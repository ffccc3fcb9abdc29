/** Where the two databases say the same thing in other words. One table for each; nothing else knows the difference. */
import type { ColumnType, DialectName } from '../../config/definition.js'
import type { Column } from '../../model/model.js'
import type { Pattern, Scalar } from '../../plan/plan.js'
import { RECORD_TYPE } from '../mutate/columns.js'
import { patternRegex } from './pattern.js'

/** A key of a JSON object and the SQL of its value. */
export type Pair = readonly [key: string, sql: string]

/** Rows of an alias, as far as these columns go. */
export interface BareRows {
  readonly alias: string
  readonly columns: readonly string[]
}

export interface Dialect {
  readonly name: DialectName
  /** A column's value as it belongs into JSON: the same on both databases. */
  json(column: Column, sql: string): string
  /** What sorts and compares as the column's values do. */
  comparable(column: Column, sql: string): string
  /** A JSON object, as a value inside another one or as the text of a row. */
  object(pairs: readonly Pair[]): string
  /** A SELECT of one object for each row of `from`, which is a FROM with all that follows it. */
  selectObjects(pairs: readonly Pair[], from: string): string
  /** The objects of all rows of `from` in their order, joined by commas: a scalar, null for no row. */
  joinedObjects(pairs: readonly Pair[], from: string): string
  /** A SELECT of the pairs as columns. */
  select(pairs: readonly Pair[], from: string): string
  /** A SELECT of one array of them, in this order; `[]` for none. `bare`: what the pairs are made of, when it is only columns. */
  selectArray(pairs: readonly Pair[], from: string, order: string, bare: BareRows | null): string
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
  /** A table of keys with their position `KEY_ORDER`, from one parameter: a JSON array of arrays. Columns `k0`, `k1`… */
  keys(columns: readonly Column[], placeholder: string): string
  /** `NULLS …` that makes nulls last ascending and first descending. */
  nulls(descending: boolean): string
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/**
 * Whole rows by their alias. A bare name means a column first, so this is one that no column, relation or list can have; so
 * is the name of the column that `keys` adds.
 */
export const WHOLE = '"whole row"'
export const KEY_ORDER = '"key order"'

type Wrap = (sql: string) => string
type ByType = Partial<Record<ColumnType, Wrap>>

const wrapped = (table: ByType, column: Column, sql: string): string => table[column.type]?.(sql) ?? sql

const C_COLLATION: Wrap = (sql) => `${sql} COLLATE "C"`

const POSTGRES_JSON: ByType = {
  decimal: (sql) => `${sql}::text`,
  datetime: (sql) => `to_char(${sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
}
const POSTGRES_COMPARABLE: ByType = { string: C_COLLATION, text: C_COLLATION, enum: C_COLLATION }

/** A caller's paths as a parameter, written once for as long as the identity lives. */
function writtenOnce(write: (paths: readonly string[]) => string): (paths: readonly string[]) => string {
  const texts = new WeakMap<readonly string[], string>()
  return (paths) => {
    const known = texts.get(paths)
    if (known !== undefined) return known
    const text = write(paths)
    texts.set(paths, text)
    return text
  }
}

/** Of a PostgreSQL array literal. */
const arrayElement = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

const named = (pairs: readonly Pair[]): string =>
  pairs.map(([key, sql]) => `${sql} AS ${quote(key)}`).join(', ')

const record = (pairs: readonly Pair[]): string => `(SELECT ${WHOLE} FROM (SELECT ${named(pairs)}) ${WHOLE})`

const POSTGRES: Dialect = {
  name: 'postgres',
  json: (column, sql) => (column.virtual ? 'NULL::text' : wrapped(POSTGRES_JSON, column, sql)),
  comparable: (column, sql) => wrapped(POSTGRES_COMPARABLE, column, sql),
  object: (pairs) => `row_to_json(${record(pairs)})`,
  selectObjects: (pairs, from) =>
    `SELECT row_to_json(${WHOLE}) FROM (SELECT ${named(pairs)} ${from}) ${WHOLE}`,
  // A sorted subquery is aggregated in its order; text is joined at far less cost than JSON.
  joinedObjects: (pairs, from) =>
    `(SELECT string_agg(row_to_json(${WHOLE})::text, ',') FROM (SELECT ${named(pairs)} ${from}) ${WHOLE})`,
  select: (pairs, from) => `SELECT ${named(pairs)} ${from}`,
  // A sorted subquery is aggregated in its order, at less cost than by an ordered aggregate.
  selectArray: (pairs, from, order) =>
    `SELECT COALESCE(json_agg(${WHOLE}), '[]') FROM (SELECT ${named(pairs)} ${from} ORDER BY ${order}) ${WHOLE}`,
  array: (pairs, order) => `COALESCE(json_agg(${record(pairs)} ORDER BY ${order}), '[]')`,
  list: (items) => `json_build_array(${items.join(', ')})`,
  anyOf: (sql, placeholder) => `${sql} = ANY(${placeholder})`,
  many: (values) => values,
  matches: (sql, placeholder) => `${sql} ~ ${placeholder}`,
  pattern: patternRegex,
  paths: writtenOnce((paths) => `{${paths.map(arrayElement).join(',')}}`),
  nested: (sql) => sql,
  keys: (columns, placeholder) => {
    const values = columns.map(({ type }, index) => `(e ->> ${index})::${RECORD_TYPE[type]} AS k${index}`)
    return `SELECT ${values.join(', ')}, ${KEY_ORDER} FROM json_array_elements(${placeholder}::json) WITH ORDINALITY AS x(e, ${KEY_ORDER})`
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

const columnsOf = ({ alias, columns }: BareRows): string =>
  columns.map((column) => `${alias}.${quote(column)}`).join(', ')

const SQLITE: Dialect = {
  name: 'sqlite',
  json: (column, sql) => (column.virtual ? 'NULL' : wrapped(SQLITE_JSON, column, sql)),
  comparable: (column, sql) => wrapped(SQLITE_COMPARABLE, column, sql),
  object: jsonObject,
  selectObjects: (pairs, from) => `SELECT ${jsonObject(pairs)} ${from}`,
  joinedObjects: (pairs, from) => `(SELECT group_concat(j) FROM (SELECT ${jsonObject(pairs)} AS j ${from}))`,
  select: (pairs, from) => `SELECT ${named(pairs)} ${from}`,
  // Bare rows are sorted, by an index where there is one, before they become objects: an ordered aggregate always sorts.
  // SQLite drops the order of a subquery only where the query around it joins others or sorts by itself.
  selectArray: (pairs, from, order, bare) =>
    bare === null
      ? `SELECT ${SQLITE.array(pairs, order)} ${from}`
      : `SELECT json_group_array(${jsonObject(pairs)}) FROM (SELECT ${columnsOf(bare)} ${from} ORDER BY ${order}) AS ${bare.alias}`,
  array: (pairs, order) => `json_group_array(${jsonObject(pairs)} ORDER BY ${order})`,
  list: (items) => `json_array(${items.join(', ')})`,
  anyOf: (sql, placeholder) => `${sql} IN (SELECT value FROM json_each(${placeholder}))`,
  many: (values) => JSON.stringify(values),
  matches: (sql, placeholder) => `biodm_matches(${sql}, ${placeholder})`,
  pattern: ({ pieces }) => JSON.stringify(pieces),
  paths: writtenOnce((paths) => JSON.stringify(paths)),
  nested: (sql) => `json(${sql})`,
  keys: (columns, placeholder) => {
    const values = columns.map((_, index) => `json_extract(value, '$[${index}]') AS k${index}`)
    return `SELECT ${values.join(', ')}, key AS ${KEY_ORDER} FROM json_each(${placeholder})`
  },
  nulls: (descending) => (descending ? ' NULLS FIRST' : ' NULLS LAST'),
}

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = Object.freeze({
  postgres: Object.freeze(POSTGRES),
  sqlite: Object.freeze(SQLITE),
})
