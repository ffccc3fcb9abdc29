/** When two parts of tables count as the same. */
import {
  type CheckSpec,
  type ColumnSpec,
  type ForeignKeySpec,
  sameColumns,
  type TableSpec,
} from './schema.js'

/** A part of a foreign key is filled beside a part that rows have; a key that is new as a whole is empty. */
export const fillable = (column: ColumnSpec, before: TableSpec): ColumnSpec => {
  const { fill } = column
  if (fill?.kind !== 'version' || before.columns.some(({ name }) => name === fill.of)) return column
  return { ...column, fill: null }
}

/** The order of columns matters to an index only. */
export const fits = (kind: 'unique' | 'index', a: readonly string[], b: readonly string[]): boolean =>
  kind === 'unique' ? sameColumns(a, b) : a.join('\0') === b.join('\0')

export const sameCheck = (a: CheckSpec, b: CheckSpec): boolean =>
  a.column === b.column && sameColumns(a.values, b.values)

export function samePairs(a: ForeignKeySpec, b: ForeignKeySpec): boolean {
  const pairs = (key: ForeignKeySpec) =>
    key.columns.map((column, position) => `${column}>${key.references[position]}`)
  return a.table === b.table && sameColumns(pairs(a), pairs(b))
}

export const withOthers = (
  wanted: readonly ForeignKeySpec[],
  found: readonly ForeignKeySpec[],
): readonly ForeignKeySpec[] => [
  ...wanted,
  ...found.filter((key) => !wanted.some((candidate) => samePairs(key, candidate))),
]
