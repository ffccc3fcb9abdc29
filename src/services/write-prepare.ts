/**
 * Fills in what the caller left out: generated keys, defaults, foreign keys from the rows they point at. Afterwards
 * every row of the tree has its key, before the first statement that writes.
 */
import { randomUUID } from 'node:crypto'
import type { Key, Row } from '../hooks.js'
import { type Caller, parentPath } from '../identity.js'
import type { Column, Model, Resource } from '../model/model.js'
import { canonical } from '../model/values.js'
import { keyOf } from '../plan/write-shape.js'
import type { DecidedRow, Decision } from './write-decide.js'

export interface PreparedRow extends DecidedRow {
  /** All stored columns as they will be. */
  readonly values: Readonly<Row>
  readonly key: Key
  /** Level at which the row is written: after everything created that it refers to. */
  readonly level: number
}

export function prepareRows(model: Model, caller: Caller, decision: Decision): readonly PreparedRow[] {
  const now = new Date().toISOString()
  const prepared: PreparedRow[] = []
  const levels = writeLevels(decision.rows)
  const generated = generatedKeys(decision)
  const order = decision.rows.map((_, index) => index).sort((a, b) => (levels[a] ?? 0) - (levels[b] ?? 0))
  for (const index of order) {
    const row = decision.rows[index]
    if (row === undefined) continue
    const values: Row = { ...row.stored, ...row.row.values }
    for (const parent of row.row.parents) {
      const key = prepared[parent.from]?.key ?? decision.rows[parent.from]?.row.key
      for (const { column, references } of parent.columns) values[column] = key?.[references] ?? null
    }
    if (row.action === 'create') {
      const context = { model, caller, values, generated: generated[index] ?? null, now }
      for (const column of row.resource.columns.values()) complete(context, row.resource, column)
    }
    const key = keyOf(row.resource, values) ?? row.row.key ?? {}
    prepared[index] = { ...row, values, key, level: levels[index] ?? 0 }
  }
  return prepared
}

/** A new row with everything but the generated key, for rows that stand alone. */
export function completedRow(
  model: Model,
  caller: Caller,
  resource: Resource,
  given: Readonly<Row>,
  now: string,
): Row {
  const values: Row = { ...given }
  for (const column of resource.columns.values()) {
    complete({ model, caller, values, generated: null, now }, resource, column)
  }
  return values
}

/** Generated keys go to the rows in the body's order, whatever the levels. */
function generatedKeys({ rows, allocated }: Decision): readonly (number | null)[] {
  const next = new Map<string, number>()
  return rows.map((row) => {
    const column = row.resource.generatedKey
    const given = column === null ? null : row.row.values[column.name]
    if (row.action !== 'create' || column === null || (given ?? null) !== null) return null
    const position = next.get(row.resource.name) ?? 0
    next.set(row.resource.name, position + 1)
    return allocated.get(row.resource.name)?.[position] ?? null
  })
}

/** The plan's levels, except that a row shared by several places of the tree comes after what it needs. */
function writeLevels(rows: readonly DecidedRow[]): readonly number[] {
  const levels = rows.map((row) => row.row.level)
  const isNew = (index: number): boolean => rows[index]?.action === 'create'
  // Each round moves at least one row; more rounds than rows would be a cycle, which the database refuses.
  for (let round = 0, moved = true; moved && round <= rows.length; round++) {
    moved = false
    rows.forEach((row, index) => {
      for (const parent of row.row.parents) {
        const floor = (levels[parent.from] ?? 0) + 1
        if (isNew(parent.from) && (levels[index] ?? 0) < floor) {
          levels[index] = floor
          moved = true
        }
      }
    })
  }
  return levels
}

interface Completion {
  readonly model: Model
  readonly caller: Caller
  readonly values: Row
  readonly generated: number | null
  readonly now: string
}

/** What the column gets when the caller gave nothing for it. */
function complete(
  { model, caller, values, generated, now }: Completion,
  resource: Resource,
  column: Column,
): void {
  if (column.virtual) return
  if (column.default?.kind === 'parent_path') {
    const path = values[column.default.of]
    values[column.name] = typeof path === 'string' ? parentPath(path) : null
    return
  }
  const given = values[column.name]
  if (given !== undefined && given !== null) return
  const own = ownValue(resource, column, generated)
  if (own !== undefined) values[column.name] = own
  else if (given === undefined) values[column.name] = defaultOf(model, column, caller, now)
}

/** Values that the runtime always supplies: generated keys, and those of the first version. */
function ownValue(resource: Resource, column: Column, generated: number | null): unknown {
  if (column === resource.generatedKey) return generated
  if (column.role === 'version') return 1
  if (column.role === 'latest') return true
  return column.generated && column.type === 'uuid' ? randomUUID() : undefined
}

/** An explicit null stays null: defaults are for columns that are not given. Under `auth: off` nobody is the user. */
function defaultOf(model: Model, column: Column, caller: Caller, now: string): unknown {
  switch (column.default?.kind) {
    case 'literal':
      return canonical(column, column.default.value)
    case 'now':
      return column.type === 'date' ? now.slice(0, 10) : now
    case 'uuid':
      return randomUUID()
    case 'user':
      return model.definition.auth ? (caller?.username ?? null) : null
    default:
      return null
  }
}
