import type { Key, Row } from '../hooks.js'
import type { Column, Resource } from '../model/model.js'
import { canonical, sameValue } from '../model/values.js'
import type { WriteRow } from './plan.js'
import { type Problems, pointerToken } from './problems.js'
import { halfKey, keyOf, writeShape } from './write-shape.js'

const NONE: readonly never[] = Object.freeze([])
const EMPTY: Readonly<Row> = Object.freeze({})

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A row while its plan is made; `frozenRow` makes it the plan's. */
export interface Draft extends Mutable<Omit<WriteRow, 'resource' | 'pointer' | 'values' | 'missing'>> {
  readonly resource: string
  readonly of: Resource
  readonly pointer: string
  values: Row
  /** Values of virtual columns: only compared. */
  compared: Readonly<Row>
  /** Once it is known; what a second object adds may supply it. */
  missing: readonly string[] | null
}

export function emptyDraft(of: Resource, pointer: string, level: number): Draft {
  return {
    resource: of.name,
    of,
    pointer,
    level,
    values: {},
    key: null,
    content: false,
    virtual: false,
    compared: EMPTY,
    parents: NONE,
    lists: EMPTY,
    missing: null,
  }
}

/** The key that a new row of a versioned resource will have, where only its version is left out. */
export const firstKey = ({ of, values }: Draft): Key | null =>
  of.versioned === false || (values['version'] ?? 1) !== 1 ? null : keyOf(of, { ...values, version: 1 })

/** The object's own columns and lists; its relations are the tree's business. */
export function draftOf(resource: Resource, data: Row, pointer: string, level: number): Draft {
  const { lists } = writeShape(resource)
  const draft = emptyDraft(resource, pointer, level)
  for (const name of Object.keys(data)) {
    const value = data[name]
    if (value === undefined) continue
    const column = resource.columns.get(name)
    if (column !== undefined) give(draft, column, value)
    else if (lists.has(name)) {
      draft.lists = { ...draft.lists, [name]: value }
      draft.content = true
    }
  }
  return draft
}

function give(draft: Draft, column: Column, value: unknown): void {
  if (column.virtual) {
    draft.compared = { ...draft.compared, [column.name]: value }
    draft.virtual = true
  } else draft.values[column.name] = canonical(column, value)
  if (!column.primary) draft.content = true
}

/**
 * Adds what another object with the same key says; false when the two contradict each other. `completed`: prefix hooks have
 * been at work, which may have reached one object and not yet the other: what the first one says counts.
 */
export function mergeDraft(row: Draft, again: Draft, completed: boolean): boolean {
  row.level = Math.min(row.level, again.level)
  // One of them is without its version: it makes the row, whatever the other one would do.
  if (again.key === null) row.key = null
  if (!again.content) return true
  if (row.content && !completed && !sameContent(row, again)) return false
  const known = new Set(row.parents.map((parent) => parent.relation))
  row.values = { ...again.values, ...row.values }
  row.lists = { ...again.lists, ...row.lists }
  row.content = true
  row.missing = null
  row.compared = { ...again.compared, ...row.compared }
  row.virtual ||= again.virtual
  row.parents = [...row.parents, ...again.parents.filter((parent) => !known.has(parent.relation))]
  return true
}

function sameContent(row: Draft, again: Draft): boolean {
  // A link to a row with a key is told by the foreign key, whatever way it was given.
  const linked = (draft: Draft) =>
    Object.fromEntries(
      draft.parents
        .filter(({ columns }) => columns.some(({ column }) => draft.values[column] === undefined))
        .map((parent) => [parent.relation, parent.from]),
    )
  const own = ({ of, values }: Draft) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !of.columns.get(name)?.primary))
  return (
    sameValue(own(row), own(again)) &&
    sameValue(row.compared, again.compared) &&
    sameValue(row.lists, again.lists) &&
    sameValue(linked(row), linked(again))
  )
}

/** A foreign key of several columns is emptied as a whole. */
export function completeKeys(draft: Draft, problems: Problems): void {
  for (const { relation, columns } of writeShape(draft.of).composite) {
    const emptied = columns.find((name) => draft.values[name] === null)
    if (emptied === undefined) continue
    const kept = columns.find((name) => (draft.values[name] ?? null) !== null)
    if (kept === undefined) for (const name of columns) draft.values[name] = null
    else
      problems.add(draft.pointer + pointerToken(emptied), `is only a part of "${relation}": ${kept} is given`)
  }
}

/** A new row gives it as a whole. */
export function refuseHalfKey(draft: Draft, missing: readonly string[], problems: Problems): void {
  const half = halfKey(draft.of, draft.values)
  if (half === null || missing.includes(half.relation)) return
  const pointer = draft.pointer + pointerToken(half.given)
  problems.add(pointer, `is only a part of "${half.relation}": ${half.missing} is missing`)
}

/** What keeps the row from being created. */
export function missingOf(draft: Draft): readonly string[] {
  draft.missing ??= judgedMissing(draft)
  return draft.missing
}

function judgedMissing(draft: Draft): readonly string[] {
  let missing: string[] | undefined
  for (const { label, columns } of writeShape(draft.of).requirements) {
    if (areSupplied(draft, columns)) continue
    missing ??= []
    missing.push(label)
  }
  return missing ?? NONE
}

function areSupplied({ values, parents }: Draft, columns: readonly string[]): boolean {
  for (const column of columns) {
    if ((values[column] ?? null) !== null) continue
    if (!parents.some((parent) => parent.columns.some((pair) => pair.column === column))) return false
  }
  return true
}

/** The draft itself, complete: nothing changes it any more. */
export function frozenRow(draft: Draft): WriteRow {
  missingOf(draft)
  Object.freeze(draft.values)
  return Object.freeze(draft) as Draft & WriteRow
}
