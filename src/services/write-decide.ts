/**
 * Decides what each row of a write plan is, looking at what is stored: created, updated, or merely referred to. Rows that
 * will change are locked. One lookup a resource; nothing is written here, and every refusal is collected, so that the
 * caller can answer them in the order of the contract.
 */
import type { Row } from '../hooks.js'
import type { Queryable } from '../managers/database.js'
import type { Writer } from '../managers/mutate/rows.js'
import type { Model, Resource } from '../model/model.js'
import { sameValue } from '../model/values.js'
import { isTarget, type WritePlan, type WriteRow } from '../plan/plan.js'
import { keyOf, keyText } from '../plan/write-shape.js'
import {
  allocate,
  entityText,
  loadEntities,
  loadStored,
  loadUnlinked,
  type UnlinkedRow,
} from './write-load.js'
import { halfOf, heldValues } from './write-values.js'

export type Action = 'create' | 'update' | 'refer'

export interface DecidedRow {
  readonly position: number
  readonly row: WriteRow
  readonly resource: Resource
  readonly action: Action
  /** The row before the write. */
  readonly stored: Readonly<Row> | null
  /** Columns of an update that get another value; those of links to rows that do not exist yet included. */
  readonly changed: readonly string[]
  /** The row is released: its copy gets the changes, so they need this right instead of `update`. */
  readonly verb?: 'release'
}

/** Why a row cannot be written, in the order in which reasons are answered. */
export type Refusal =
  | { readonly kind: 'missing'; readonly row: DecidedRow }
  | { readonly kind: 'version'; readonly row: DecidedRow }
  | { readonly kind: 'strict'; readonly row: DecidedRow }
  /** A strict row would lose its foreign key, because the tree gives the inverse one-to-one as null. */
  | { readonly kind: 'strict_unlink'; readonly row: DecidedRow }
  | { readonly kind: 'absent'; readonly row: DecidedRow }
  | { readonly kind: 'taken'; readonly row: DecidedRow }
  /** A foreign key of several columns would be empty in a part. */
  | { readonly kind: 'half'; readonly row: DecidedRow; readonly column: string; readonly relation: string }
  /** Takes unique values from a row that the same request changes, which databases may do in either order. */
  | { readonly kind: 'held'; readonly row: DecidedRow; readonly column: string }
  /** A foreign key given by its columns points at nothing that the caller may see. */
  | {
      readonly kind: 'dangling'
      readonly row: DecidedRow
      readonly relation: string
      readonly target: string
    }

export interface Decision {
  readonly rows: readonly DecidedRow[]
  readonly refusals: readonly Refusal[]
  /** Generated keys for rows that have none, by resource, in the order of the rows. */
  readonly allocated: ReadonlyMap<string, readonly number[]>
}

export interface DecideOptions {
  /** Lock what will change, and allocate generated keys: inside the transaction. */
  readonly locking: boolean
}

export async function decide(
  model: Model,
  writer: Writer,
  db: Queryable,
  plan: WritePlan,
  options: DecideOptions,
): Promise<Decision> {
  const [stored, entities, allocated] = await Promise.all([
    loadStored(model, writer, db, plan, options),
    loadEntities(model, writer, db, plan),
    options.locking ? allocate(model, writer, db, plan) : new Map<string, number[]>(),
  ])
  const refusals: Refusal[] = []
  const rows = plan.rows.map((row, position) => {
    const resource = model.resource(row.resource)
    const before = row.key === null ? undefined : stored.get(row.resource)?.get(keyText(resource, row.key))
    const decided = decideRow(plan, row, position, resource, before ?? null)
    const refusal = refuse(plan, decided, entities.get(row.resource))
    if (refusal !== null) refusals.push({ kind: refusal, row: decided })
    const half = refusal === null ? halfOf(decided) : null
    if (half !== null) refusals.push(half)
    return decided
  })
  refusals.push(...heldValues(rows))
  const found = await loadUnlinked(model, writer, db, plan, rows, options.locking ? 'update' : 'none')
  const unlinked = found.map((row, index) => unlinkedRow(row, rows.length + index))
  for (const row of unlinked) {
    if (row.resource.versioned === 'strict') refusals.push({ kind: 'strict_unlink', row })
  }
  return {
    rows: [...rows, ...unlinked],
    refusals,
    allocated,
  }
}

/** A row outside of the tree whose foreign key is cleared because the tree gives its inverse as null. */
function unlinkedRow(
  { resource, stored, columns, from, pointer }: UnlinkedRow,
  position: number,
): DecidedRow {
  const row: WriteRow = {
    resource: resource.name,
    pointer,
    level: from.row.level + 1,
    values: Object.fromEntries(columns.map((column) => [column, null])),
    key: keyOf(resource, stored),
    missing: [],
    content: true,
    virtual: false,
    parents: [],
    lists: {},
  }
  return { position, row, resource, action: 'update', stored, changed: columns }
}

function decideRow(
  plan: WritePlan,
  row: WriteRow,
  position: number,
  resource: Resource,
  stored: Row | null,
): DecidedRow {
  if (stored === null) {
    const mayCreate = row.key === null || (row.missing.length === 0 && !isTarget(plan, position))
    return { position, row, resource, action: mayCreate ? 'create' : 'refer', stored: null, changed: [] }
  }
  const changed = Object.keys(row.values).filter((name) => !sameValue(row.values[name], stored[name]))
  for (const parent of row.parents) {
    // A parent without a key is about to be created, so the link to it is new.
    if (plan.rows[parent.from]?.key !== null) continue
    changed.push(...parent.columns.map((pair) => pair.column).filter((name) => !changed.includes(name)))
  }
  const written = changed.length > 0 || row.virtual || Object.keys(row.lists).length > 0
  const isRoot = isTarget(plan, position) && plan.target?.mode === 'update'
  return { position, row, resource, action: written || isRoot ? 'update' : 'refer', stored, changed }
}

type Refused = Exclude<Refusal['kind'], 'dangling' | 'half' | 'held' | 'strict_unlink'>

function refuse(
  plan: WritePlan,
  { row, resource, action, stored, changed, position }: DecidedRow,
  entities: ReadonlySet<string> | undefined,
): Refused | null {
  if (stored !== null) return resource.versioned === 'strict' && changed.length > 0 ? 'strict' : null
  if (isTarget(plan, position)) return 'absent'
  if (action === 'create' && row.missing.length > 0) return 'missing'
  return resource.versioned === false
    ? otherwise(action)
    : refuseVersion(row, action, entities?.has(entityText(resource, row.values)) === true)
}

const otherwise = (action: DecidedRow['action']): Refused | null => (action === 'create' ? null : 'absent')

/** New versions arise by release; a new entity starts with the first. `known`: the entity is there already. */
function refuseVersion(row: WriteRow, action: DecidedRow['action'], known: boolean): Refused | null {
  if (row.key === null) {
    if ((row.values['version'] ?? 1) !== 1) return 'version'
    return known ? 'taken' : null
  }
  if (known || row.key['version'] !== 1) return row.content ? 'version' : 'absent'
  return otherwise(action)
}
