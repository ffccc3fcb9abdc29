import type { ToOneDefinition } from '../config/definition.js'
import type { Resource } from './model.js'

const known = new WeakMap<Resource, readonly (readonly string[])[]>()

/** Sets of columns whose values no two rows share, beside the primary key; each set once. */
export function uniqueSets(resource: Resource): readonly (readonly string[])[] {
  const before = known.get(resource)
  if (before !== undefined) return before
  const sets: (readonly string[])[] = [...resource.unique]
  for (const column of resource.columns.values()) {
    if (column.unique && !column.virtual) sets.push([column.name])
  }
  const distinct = new Map(sets.map((names) => [[...names].sort().join('\0'), names]))
  const unique = Object.freeze([...distinct.values()])
  known.set(resource, unique)
  return unique
}

/** Whether two rows may collide for what they refer to by the relation, alone or with other columns. */
export const isUniquePart = (resource: Resource, { columns }: ToOneDefinition): boolean =>
  uniqueSets(resource).some((names) => columns.some(({ column }) => names.includes(column)))
