/** Copies of rows, made inside the database: only what differs from the original travels. */
import type { Row } from '../../hooks.js'
import { quote, type StoredColumn } from './columns.js'
import { columnShape, records, recordsText, type Writer } from './rows.js'
import type { Step } from './step.js'

/** Columns of the original's key, as they are called in the parameter. */
const formerly = (column: StoredColumn): StoredColumn => ({ name: `of ${column.name}`, type: column.type })

export interface Copied {
  /** Key of the original. */
  readonly from: Readonly<Row>
  /** Columns in which the copy differs. */
  readonly values: Readonly<Row>
}

/** One statement: the rows of `table` that `copies` names, with other values in `changed`. */
export function copyStep(
  writer: Writer,
  table: string,
  keys: readonly StoredColumn[],
  columns: readonly StoredColumn[],
  changed: readonly StoredColumn[],
  copies: readonly Copied[],
): Step {
  const sent = [...keys.map(formerly), ...changed]
  const named = writer.texts.get(`copy ${table} ${columnShape(columns)} ${columnShape(sent)}`, () => {
    const replaced = new Set(changed.map(({ name }) => name))
    const values = columns.map(({ name }) => `${replaced.has(name) ? 'x' : 't'}.${quote(name)}`).join(', ')
    const match = keys.map((key) => `t.${quote(key.name)} = x.${quote(formerly(key).name)}`).join(' AND ')
    const into = columns.map(({ name }) => quote(name)).join(', ')
    const rows = given(writer, sent)
    return `${rows.with}INSERT INTO ${quote(table)} (${into}) SELECT ${values} FROM ${rows.from} JOIN ${quote(table)} AS t ON ${match}`
  })
  const rows = copies.map(({ from, values }) => ({
    ...values,
    ...Object.fromEntries(keys.map((key) => [formerly(key).name, from[key.name]])),
  }))
  return { ...named, values: rows.length === 0 ? [] : [[parameter(writer, sent, rows)]] }
}

/**
 * One statement: all rows of `table` whose `via` columns hold a key of `parents`, now holding the key of the parent's copy,
 * with numbers of their own in the one key column `key`.
 */
export function copyChildrenStep(
  writer: Writer,
  table: string,
  key: StoredColumn,
  columns: readonly StoredColumn[],
  via: readonly StoredColumn[],
  parents: readonly { readonly from: readonly unknown[]; readonly to: readonly unknown[] }[],
): Step {
  const sent = [...via.map(formerly), ...via]
  const named = writer.texts.get(`copy children ${table} ${columnShape(columns)} ${columnShape(via)}`, () => {
    const moved = new Set(via.map(({ name }) => name))
    // The key is left out: the database draws it, in the order of the originals.
    const copied = columns.filter(({ name }) => name !== key.name)
    const values = copied.map(({ name }) => `${moved.has(name) ? 'x' : 't'}.${quote(name)}`)
    const match = via
      .map((column) => `t.${quote(column.name)} = x.${quote(formerly(column).name)}`)
      .join(' AND ')
    const into = copied.map(({ name }) => quote(name)).join(', ')
    const rows = given(writer, sent)
    // SQLite reads the children of each parent by an index, and so in the order of their keys.
    const order = writer.dialect === 'postgres' ? ` ORDER BY t.${quote(key.name)}` : ''
    return `${rows.with}INSERT INTO ${quote(table)} (${into}) SELECT ${values.join(', ')} FROM ${rows.from} JOIN ${quote(table)} AS t ON ${match}${order}`
  })
  const rows = parents.map(({ from, to }) =>
    Object.fromEntries([
      ...via.map((column, position) => [formerly(column).name, from[position]]),
      ...via.map((column, position) => [column.name, to[position]]),
    ]),
  )
  return { ...named, values: rows.length === 0 ? [] : [[parameter(writer, sent, rows)]] }
}

/** Rows of the one parameter, as `x`; SQLite reads the JSON once only when it is told to. */
const given = ({ dialect }: Writer, columns: readonly StoredColumn[]): { with: string; from: string } => {
  if (dialect === 'postgres') return { with: '', from: records(columns) }
  const values = columns.map(({ name }, index) => `value ->> ${index} AS ${quote(name)}`).join(', ')
  return {
    with: `WITH biodm_sent AS MATERIALIZED (SELECT ${values} FROM json_each(?)) `,
    from: 'biodm_sent AS x CROSS',
  }
}

/** JSON columns travel as JSON to PostgreSQL and as their text to SQLite, which stores text. */
function parameter(
  { dialect }: Writer,
  columns: readonly StoredColumn[],
  rows: readonly Readonly<Row>[],
): string {
  if (dialect === 'postgres') return recordsText(columns, rows)
  return JSON.stringify(
    rows.map((row) =>
      columns.map(({ name, type }) => {
        const value = row[name] ?? null
        return type === 'json' && value !== null ? JSON.stringify(value) : value
      }),
    ),
  )
}
