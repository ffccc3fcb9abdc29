/** Refusals for values that only the row as a whole, or several rows together, make wrong. */
import type { Row } from '../hooks.js'
import { uniqueSets } from '../model/unique.js'
import { halfKey, writeShape } from '../plan/write-shape.js'
import type { DecidedRow, Refusal } from './write-decide.js'

export function halfOf(row: DecidedRow): Refusal | null {
  const { resource, stored, action, changed } = row
  if (action === 'refer' || writeShape(resource).composite.length === 0) return null
  const half = halfKey(resource, { ...stored, ...row.row.values })
  if (half === null) return null
  const columns =
    writeShape(resource).composite.find(({ relation }) => relation === half.relation)?.columns ?? []
  const column = columns.find((name) =>
    stored === null ? (row.row.values[name] ?? null) !== null : changed.includes(name),
  )
  return column === undefined ? null : { kind: 'half', row, column, relation: half.relation }
}

/** Updates of one table run in any order: a row cannot have the unique values that another of them gives up. */
export function heldValues(rows: readonly DecidedRow[]): readonly Refusal[] {
  const updates = rows.filter((row) => row.stored !== null && row.changed.length > 0)
  if (updates.length < 2) return []
  return [...new Set(updates.map((row) => row.resource))].flatMap((resource) =>
    uniqueSets(resource).flatMap((columns) => {
      const moves = (row: DecidedRow): boolean => columns.some((name) => row.changed.includes(name))
      return held(
        columns,
        updates.filter((row) => row.resource === resource && moves(row)),
      )
    }),
  )
}

function held(columns: readonly string[], moving: readonly DecidedRow[]): readonly Refusal[] {
  const before = new Map(moving.map((row) => [valuesText(columns, row.stored ?? {}), row]))
  return moving.flatMap((row): Refusal[] => {
    const after = valuesText(columns, { ...row.stored, ...row.row.values })
    const holder = after === null ? undefined : before.get(after)
    const column = columns.find((name) => row.changed.includes(name)) ?? ''
    return holder === undefined || holder === row ? [] : [{ kind: 'held', row, column }]
  })
}

/** Null when a value is null: such rows do not collide. */
function valuesText(columns: readonly string[], values: Readonly<Row>): string | null {
  const list = columns.map((name) => values[name] ?? null)
  return list.includes(null) ? null : JSON.stringify(list)
}
