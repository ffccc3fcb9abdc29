/** Sets of groups as access rules name them: a path stands for its members and for those of everything below it. */
import { withAncestors } from '../identity.js'

/** The paths that admit whoever both sets admit. Null admits everybody. */
export function intersection(
  a: readonly string[] | null,
  b: readonly string[] | null,
): readonly string[] | null {
  if (a === null || b === null) return a ?? b
  const both = [...a.filter((path) => isWithin(path, b)), ...b.filter((path) => isWithin(path, a))]
  return [...new Set(both)].sort()
}

/** Whether members of `path` are admitted by a set. */
export function isWithin(path: string, set: readonly string[]): boolean {
  return withAncestors(path).some((ancestor) => set.includes(ancestor))
}
