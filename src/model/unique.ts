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
  for (const relation of resource.relations.values()) {
    if (relation.kind === 'one' && relation.unique) sets.push(relation.columns.map((pair) => pair.column))
  }
  const distinct = new Map(sets.map((names) => [[...names].sort().join('\0'), names]))
  const unique = Object.freeze([...distinct.values()])
  known.set(resource, unique)
  return unique
}
