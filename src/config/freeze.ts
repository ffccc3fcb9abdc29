import type { AccessRule, ResourceDefinition } from './definition.js'
import type { Draft } from './draft.js'

/** The finished form of a draft. */
export function finish(draft: Draft): ResourceDefinition {
  return {
    name: draft.name,
    table: draft.table,
    path: draft.path,
    description: draft.raw.description ?? null,
    versioned: draft.versioned,
    internal: draft.internal,
    managed: draft.managed,
    renamedFrom: draft.raw.renamed_from ?? null,
    columns: [...draft.columns.values()].map(({ definition }) => definition),
    relations: [...draft.relations.values()].flatMap(({ definition }) =>
      definition === null ? [] : [definition],
    ),
    unique: draft.uniqueColumns.map(({ columns }) => columns),
    access: Object.fromEntries([...draft.access].map(([verb, { rule }]) => [verb, withOwn(draft, rule)])),
    permissions: draft.permissions,
    hooks: draft.hooks,
    traits: draft.traits.map(({ name, options }) => ({ name, options })),
  }
}

/** Columns of traits that people may change on their own row. */
function withOwn({ traits }: Draft, rule: AccessRule): AccessRule {
  if (rule.kind !== 'self_or_admin') return rule
  return { ...rule, columns: [...rule.columns, ...traits.flatMap(({ trait }) => trait.own ?? [])] }
}

/** Freezes plain objects and arrays all the way down; functions and instances (plugins) are left as they are. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}
