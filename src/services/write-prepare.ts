/**
 * Fills in what the caller left out: generated keys, defaults, foreign keys from the rows they point at. Afterwards
 * every row of the tree has its key, before the first statement that writes.
 */
import { randomUUID } from 'node:crypto'
import type { Key, Row } from '../hooks.js'
import { type Caller, parentPath } from '../identity.js'
import { storedColumns } from '../managers/mutate/lookup.js'
import type { Column, Model, Resource } from '../model/model.js'
import { canonical } from '../model/values.js'
import { keyOf } from '../plan/write-shape.js'
import type { DecidedRow, Decision } from './write-decide.js'
import { writeLevels } from './write-levels.js'

export interface PreparedRow extends DecidedRow {
  /** All stored columns as they will be. */
  readonly values: Readonly<Row>
  readonly key: Key
  /** Level at which the row is written: after everything created that it refers to. */
  readonly level: number
}

export function prepareRows(model: Model, caller: Caller, decision: Decision): readonly PreparedRow[] {
  const { rows } = decision
  const now = new Date().toISOString()
  const prepared = new Array<PreparedRow>(rows.length)
  const levels = writeLevels(model, rows)
  const generated = generatedKeys(decision)
  const order = rows.map((_, index) => index).sort((a, b) => (levels[a] ?? 0) - (levels[b] ?? 0))
  for (const index of order) {
    const row = rows[index]
    if (row === undefined) continue
    const given = givenValues(row, (from) => prepared[from]?.key ?? rows[from]?.row.key)
    const filling = { model, caller, generated: generated[index] ?? null, now }
    // A created row with a stored one behind it is a new version of that.
    const known = row.stored === null ? given : { ...row.stored, ...given }
    const values =
      row.action === 'create' ? newRow(filling, row.resource, storedColumns(row.resource), known) : known
    const key = keyOf(row.resource, values) ?? row.row.key ?? {}
    const { position, row: planned, resource, action, stored, changed } = row
    prepared[index] = {
      position,
      row: planned,
      resource,
      action,
      stored,
      changed,
      values,
      key,
      level: levels[index] ?? 0,
    }
  }
  return prepared
}

/** What the caller gave, with the foreign keys that other rows of the tree supply. */
function givenValues({ row }: DecidedRow, keyOfRow: (from: number) => Key | null | undefined): Readonly<Row> {
  if (row.parents.length === 0) return row.values
  const values: Row = { ...row.values }
  for (const { from, columns } of row.parents) {
    const key = keyOfRow(from)
    for (const { column, references } of columns) values[column] = key?.[references] ?? null
  }
  return values
}

/** A new row's values in `columns`, for rows that stand alone; a generated key is null. */
export const completedRow = (
  model: Model,
  caller: Caller,
  resource: Resource,
  columns: readonly Column[],
  given: Readonly<Row>,
  now: string,
): Row => newRow({ model, caller, generated: null, now }, resource, columns, given)

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

interface Filling {
  readonly model: Model
  readonly caller: Caller
  readonly generated: number | null
  readonly now: string
}

/** Each column: given, supplied by the runtime, default, or null. */
function newRow(filling: Filling, resource: Resource, columns: readonly Column[], given: Readonly<Row>): Row {
  const values: Row = {}
  for (const column of columns) {
    values[column.name] = columnValue(filling, resource, given, column)
  }
  return values
}

function columnValue(filling: Filling, resource: Resource, given: Readonly<Row>, column: Column): unknown {
  if (column.default?.kind === 'parent_path') {
    const path = given[column.default.of]
    return typeof path === 'string' ? parentPath(path) : null
  }
  const value = given[column.name]
  if (value !== undefined && value !== null) return value
  const own = ownValue(resource, column, filling.generated)
  if (own !== undefined) return own
  return value === undefined ? defaultOf(filling.model, column, filling.caller, filling.now) : null
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
