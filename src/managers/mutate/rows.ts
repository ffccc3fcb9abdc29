/**
 * Multi-row inserts, updates and deletes of one table: on PostgreSQL one statement through `json_to_recordset`, whose text
 * depends on table and columns only; on SQLite one prepared statement for each row.
 */
import type { DialectName } from '../../config/definition.js'
import type { Row } from '../../hooks.js'
import type { RowArray } from '../database.js'
import { bind, names, quote, RECORD_TYPE, type StoredColumn } from './columns.js'
import type { Step } from './step.js'
import type { NamedText, Texts } from './texts.js'

export interface Writer {
  readonly dialect: DialectName
  readonly texts: Texts
  /** Tables have the primary keys of the model as constraints: false where they were made elsewhere (`migrate: off`). */
  readonly keyed: boolean
}

export interface InsertOptions {
  /**
   * A row that is there already is left alone and not returned; with columns: one with the same values in these, while other
   * unique constraints hold. Default: it is an error.
   */
  readonly ignore?: boolean | readonly StoredColumn[]
  /** Columns to return, for each inserted row in order. */
  readonly returning?: readonly StoredColumn[]
  readonly check?: (rows: readonly RowArray[]) => void
  /** Columns that most often have one value in all rows: while they do, it travels once. PostgreSQL only. */
  readonly alike?: readonly StoredColumn[]
}

export function insertStep(
  writer: Writer,
  table: string,
  columns: readonly StoredColumn[],
  rows: readonly Readonly<Row>[],
  options: InsertOptions = {},
): Step {
  const returning = options.returning ?? []
  const ending = `${onConflict(options.ignore ?? false)}${
    returning.length === 0 ? '' : ` RETURNING ${names(returning)}`
  }`
  if (writer.dialect === 'postgres' && isAlike(options.alike ?? [], rows))
    return alikeStep(writer, table, columns, rows, { ...options, ending })
  const into = `INSERT INTO ${quote(table)} (${names(columns)})`
  const make = (): string =>
    writer.dialect === 'postgres'
      ? `${into}${ALWAYS_GIVEN} SELECT ${names(columns, 'x.')} FROM ${records(columns)}${ending}`
      : `${into} VALUES (${columns.map(() => '?').join(', ')})${ending}`
  const named = writer.texts.get(`insert ${table} ${columnShape(columns)} ${ending}`, make)
  return step(writer, named, columns, rows, options.check)
}

/** Keys are drawn before the insert, so they are given also where a table made elsewhere generates them `ALWAYS`. */
const ALWAYS_GIVEN = ' OVERRIDING SYSTEM VALUE'

const isAlike = (columns: readonly StoredColumn[], rows: readonly Readonly<Row>[]): boolean =>
  columns.length > 0 &&
  rows.length > 1 &&
  columns.every(({ name }) => rows.every((row) => row[name] === rows[0]?.[name]))

function alikeStep(
  writer: Writer,
  table: string,
  columns: readonly StoredColumn[],
  rows: readonly Readonly<Row>[],
  { alike = [], ending, check }: InsertOptions & { readonly ending: string },
): Step {
  const own = columns.filter((column) => !alike.includes(column))
  const common = alike.map((column, index) => `$${index + 2}::${RECORD_TYPE[column.type]}`)
  const named = writer.texts.get(
    `insert ${table} ${columnShape(own)} alike ${columnShape(alike)} ${ending}`,
    () =>
      `INSERT INTO ${quote(table)} (${names([...own, ...alike])})` +
      ` SELECT ${[names(own, 'x.'), ...common].join(', ')} FROM ${records(own)}${ending}`,
  )
  const values = [
    recordsText(own, rows),
    ...alike.map((column) => bind('postgres', column, rows[0]?.[column.name])),
  ]
  return { ...named, values: [values], ...(check === undefined ? {} : { check }) }
}

function onConflict(ignore: boolean | readonly StoredColumn[]): string {
  if (typeof ignore === 'boolean') return ignore ? ' ON CONFLICT DO NOTHING' : ''
  return ` ON CONFLICT (${names(ignore)}) DO NOTHING`
}

/** Sets `columns` of the rows that `keys` names; both are in each of `rows`. */
export function updateStep(
  writer: Writer,
  table: string,
  keys: readonly StoredColumn[],
  columns: readonly StoredColumn[],
  rows: readonly Readonly<Row>[],
): Step {
  const all = [...columns, ...keys]
  const make = (): string => {
    if (writer.dialect === 'sqlite') {
      const set = columns.map((column) => `${quote(column.name)} = ?`).join(', ')
      return `UPDATE ${quote(table)} SET ${set} WHERE ${keys.map((key) => `${quote(key.name)} = ?`).join(' AND ')}`
    }
    const set = columns.map((column) => `${quote(column.name)} = x.${quote(column.name)}`).join(', ')
    return `UPDATE ${quote(table)} AS t SET ${set} FROM ${records(all)} WHERE ${matching(keys)}`
  }
  const named = writer.texts.get(`update ${table} ${columnShape(columns)} by ${columnShape(keys)}`, make)
  return step(writer, named, all, rows)
}

/** Deletes the rows that have one of the value combinations in `rows`. */
export function deleteStep(
  writer: Writer,
  table: string,
  columns: readonly StoredColumn[],
  rows: readonly Readonly<Row>[],
): Step {
  const make = (): string =>
    writer.dialect === 'sqlite'
      ? `DELETE FROM ${quote(table)} WHERE ${columns.map((column) => `${quote(column.name)} = ?`).join(' AND ')}`
      : `DELETE FROM ${quote(table)} AS t USING ${records(columns)} WHERE ${matching(columns)}`
  const named = writer.texts.get(`delete ${table} ${columnShape(columns)}`, make)
  return step(writer, named, columns, rows)
}

function step(
  writer: Writer,
  named: NamedText,
  columns: readonly StoredColumn[],
  rows: readonly Readonly<Row>[],
  check?: (rows: readonly RowArray[]) => void,
): Step {
  const values =
    writer.dialect === 'postgres'
      ? rows.length === 0
        ? []
        : [[recordsText(columns, rows)]]
      : rows.map((row) => columns.map((column) => bind('sqlite', column, row[column.name])))
  return check === undefined ? { ...named, values } : { ...named, values, check }
}

/**
 * The records of a statement. What they hold beside its columns is ignored by the database, and left out where it is
 * more than a little.
 */
export function recordsText(columns: readonly StoredColumn[], rows: readonly Readonly<Row>[]): string {
  const [first] = rows
  if (first !== undefined && Object.keys(first).length <= columns.length + 1) return JSON.stringify(rows)
  const named = rows.map((row) => {
    const record: Row = {}
    for (const { name } of columns) record[name] = row[name] ?? null
    return record
  })
  return JSON.stringify(named)
}

export const records = (columns: readonly StoredColumn[], alias = 'x', parameter = 1): string =>
  `json_to_recordset($${parameter}) AS ${alias}(${columns
    .map((column) => `${quote(column.name)} ${RECORD_TYPE[column.type]}`)
    .join(', ')})`

const matching = (columns: readonly StoredColumn[]): string =>
  columns.map((column) => `t.${quote(column.name)} = x.${quote(column.name)}`).join(' AND ')

export const columnShape = (columns: readonly StoredColumn[]): string =>
  columns.map((column) => `${column.name}:${column.type}`).join(',')

/**
 * Deletes rows by key in one statement on both databases, so that rows pointing at each other within the table go
 * together.
 */
export function deleteTogetherStep(
  writer: Writer,
  table: string,
  keys: readonly StoredColumn[],
  rows: readonly Readonly<Row>[],
): Step {
  if (writer.dialect === 'postgres') return deleteStep(writer, table, keys, rows)
  const named = writer.texts.get(
    `delete together ${table} ${columnShape(keys)}`,
    () => `DELETE FROM ${quote(table)} WHERE (${names(keys)}) IN (${jsonRows(keys)})`,
  )
  const values = rows.length === 0 ? [] : [[rowsText(keys, rows)]]
  return { ...named, values }
}

/** Sets `columns` to null where they hold one of the value combinations of `rows`. */
export function nullStep(
  writer: Writer,
  table: string,
  columns: readonly StoredColumn[],
  rows: readonly Readonly<Row>[],
): Step {
  const set = columns.map((column) => `${quote(column.name)} = NULL`).join(', ')
  const named = writer.texts.get(`null ${table} ${columnShape(columns)}`, () =>
    writer.dialect === 'postgres'
      ? `UPDATE ${quote(table)} AS t SET ${set} FROM ${records(columns)} WHERE ${matching(columns)}`
      : `UPDATE ${quote(table)} SET ${set} WHERE (${names(columns)}) IN (${jsonRows(columns)})`,
  )
  const text = writer.dialect === 'postgres' ? recordsText(columns, rows) : rowsText(columns, rows)
  return { ...named, values: rows.length === 0 ? [] : [[text]] }
}

/** Rows of values out of one JSON parameter, on SQLite. */
export const jsonRows = (columns: readonly StoredColumn[]): string =>
  `SELECT ${columns.map((_, index) => `value ->> ${index}`).join(', ')} FROM json_each(?)`

export const rowsText = (columns: readonly StoredColumn[], rows: readonly Readonly<Row>[]): string =>
  JSON.stringify(rows.map((row) => columns.map(({ name }) => row[name] ?? null)))
