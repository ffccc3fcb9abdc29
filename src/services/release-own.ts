/** References of the new version itself to rows that are copied with it. */
import type { ToOneDefinition } from '../config/definition.js'
import type { Key, Row } from '../hooks.js'
import { updateStep, type Writer } from '../managers/mutate/rows.js'
import type { Step } from '../managers/mutate/step.js'
import type { Resource } from '../model/model.js'
import { isUniquePart } from '../model/unique.js'
import { sameValue } from '../model/values.js'
import type { ClonePlan } from '../plan/clones.js'
import { columnsNamed } from './release-collect.js'
import type { Release } from './release-context.js'
import type { Mapping } from './release-copy.js'
import type { PreparedRow } from './write-prepare.js'

export interface OwnReferences {
  /** All columns of the new version as it is inserted. */
  readonly values: Readonly<Row>
  /** Foreign keys to copied children, set once these are there. */
  readonly later: readonly { readonly relation: ToOneDefinition; readonly values: Readonly<Row> }[]
}

/** What the body gives stays; a reference to the released row becomes one to the new version, one to a child follows. */
export function ownReferences(
  { resource, next }: Release,
  clones: ClonePlan,
  root: PreparedRow,
  mapping: Mapping,
): OwnReferences {
  const values: Row = { ...root.values }
  const later: { relation: ToOneDefinition; values: Row }[] = []
  const copied = new Set(clones.resources.map((spec) => spec.name))
  for (const relation of resource.relations.values()) {
    const followed = relation.kind === 'one' ? followedKey(relation, root, mapping) : undefined
    if (relation.kind !== 'one' || followed === undefined) continue
    if (pointsAt(followed, relation, resource, next)) Object.assign(values, followed)
    else if (copied.has(relation.target)) {
      later.push({ relation, values: followed })
      // A unique reference cannot be held by both versions, not even for a moment.
      if (isUniquePart(resource, relation)) Object.assign(values, emptied(relation))
    }
  }
  return { values, later }
}

/** Undefined: the reference stays as it is. */
const followedKey = (relation: ToOneDefinition, root: PreparedRow, mapping: Mapping): Row | undefined =>
  !relation.constraint || isGiven(relation, root) ? undefined : mapping.follow(relation, root.values)

const emptied = (relation: ToOneDefinition): Row =>
  Object.fromEntries(relation.columns.map(({ column }) => [column, null]))

/** By its object or by its columns, also with the value that the released row has. */
function isGiven(relation: ToOneDefinition, { row, resource }: PreparedRow): boolean {
  if (row.parents.some((parent) => parent.relation === relation.name)) return true
  return relation.columns.some(
    ({ column }) => column in row.values && resource.columns.get(column)?.primary !== true,
  )
}

const pointsAt = (
  followed: Readonly<Row>,
  relation: ToOneDefinition,
  resource: Resource,
  key: Key,
): boolean =>
  relation.target === resource.name &&
  relation.columns.every(({ column, references }) => sameValue(followed[column], key[references]))

export const laterSteps = (
  writer: Writer,
  resource: Resource,
  next: Key,
  { later }: OwnReferences,
): readonly Step[] =>
  later.map(({ relation, values }) => {
    const names = relation.columns.map((pair) => pair.column)
    return updateStep(writer, resource.table, resource.primaryKey, columnsNamed(resource, names), [
      { ...values, ...next },
    ])
  })
