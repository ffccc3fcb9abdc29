/**
 * Where the rows of a tree will be: the way up from a new or moved row to the row whose lists decide, through rows that
 * the same request creates as well as through stored ones.
 */
import type { ColumnPair } from '../config/definition.js'
import type { Key } from '../hooks.js'
import { listVerb, toOne } from '../managers/access.js'
import type { Model, PermissionReach, Resource } from '../model/model.js'
import { keyOf, rowIdentity } from '../plan/write-shape.js'
import type { DecidedRow, Decision } from './write-decide.js'

/** `stored`: the lists reached from a stored row by the rest of the way. `known`: decided without asking. */
export type Place =
  | { readonly kind: 'known'; readonly passes: boolean }
  | {
      readonly kind: 'stored'
      readonly resource: Resource
      readonly key: Key
      readonly reach: PermissionReach
    }

const PASSES: Place = Object.freeze({ kind: 'known', passes: true })

export class Places {
  readonly #model: Model
  readonly #rows: readonly DecidedRow[]
  readonly #paths: ReadonlySet<string>
  readonly #byKey = new Map<string, DecidedRow>()

  /** `paths`: `identity.admittingPaths` of the caller. */
  constructor(model: Model, decision: Decision, paths: readonly string[]) {
    this.#model = model
    this.#rows = decision.rows
    this.#paths = new Set(paths)
    for (const row of decision.rows) {
      if (row.row.key !== null) this.#byKey.set(rowIdentity(row.resource, row.row.key), row)
    }
  }

  /** The foreign key of `relation` gets another value. */
  moved(row: DecidedRow, relation: string): boolean {
    return toOne(row.resource, relation).columns.some(({ column }) => row.changed.includes(column))
  }

  /** Where `reach` ends once the tree is written. A way that ends at an empty to-one is reached by no rule. */
  find(row: DecidedRow, reach: PermissionReach): Place {
    let current = row
    for (const [position, hop] of reach.hops.entries()) {
      const relation = toOne(current.resource, hop)
      const target = this.#model.resource(relation.target)
      const tail = { rule: reach.rule, hops: reach.hops.slice(position + 1) }
      const link = current.row.parents.find((parent) => parent.relation === hop)
      const key = link === undefined ? foreignKey(current, relation.columns) : null
      const next =
        link === undefined
          ? key === null
            ? undefined
            : this.#byKey.get(rowIdentity(target, key))
          : this.#rows[link.from]
      if (next === undefined) {
        return key === null ? PASSES : { kind: 'stored', resource: target, key, reach: tail }
      }
      if (tail.hops.length === 0) return this.#carrier(next, tail)
      current = next
    }
    return PASSES
  }

  /** A carrier made in the same request brings its lists in the same body. */
  #carrier(row: DecidedRow, reach: PermissionReach): Place {
    if (row.stored !== null && row.row.key !== null) {
      return { kind: 'stored', resource: row.resource, key: row.row.key, reach }
    }
    const groups = givenGroups(row.row.lists[reach.rule.field], listVerb('create'))
    const passes = groups.length === 0 || groups.some((path) => this.#paths.has(path))
    return { kind: 'known', passes }
  }
}

/** The key that the row will point at; null when a part of it is empty. */
function foreignKey(row: DecidedRow, pairs: readonly ColumnPair[]): Key | null {
  const key: Record<string, unknown> = {}
  for (const { column, references } of pairs) {
    const value = row.row.values[column] ?? (column in row.row.values ? null : row.stored?.[column])
    if (value === undefined || value === null) return null
    key[references] = value
  }
  return key
}

/** Paths of the list of `verb` in a `perm_*` field of a body, which has been validated. */
function givenGroups(field: unknown, verb: string): readonly string[] {
  const list = (field as Record<string, unknown> | null | undefined)?.[verb]
  const groups = (list as { readonly groups?: readonly { readonly path: string }[] } | null | undefined)
    ?.groups
  return (groups ?? []).map(({ path }) => path)
}

/** A foreign key given by its columns, not by an object of the tree. */
export interface Reference {
  readonly row: DecidedRow
  readonly relation: string
  readonly target: Resource
  readonly key: Key
}

/** New foreign keys of the tree that point outside of it. */
export function references(model: Model, decision: Decision): readonly Reference[] {
  const created = new Set(
    decision.rows.flatMap(({ action, resource, row }) =>
      action === 'create' && row.key !== null ? [rowIdentity(resource, row.key)] : [],
    ),
  )
  return decision.rows.flatMap((row) => {
    if (row.action === 'refer') return []
    return [...row.resource.relations.values()].flatMap((relation): Reference[] => {
      if (relation.kind !== 'one' || !relation.constraint) return []
      if (row.row.parents.some((parent) => parent.relation === relation.name)) return []
      const given = relation.columns.some(({ column }) =>
        row.action === 'create' ? (row.row.values[column] ?? null) !== null : row.changed.includes(column),
      )
      const pairs = foreignKey(row, relation.columns)
      const target = model.resource(relation.target)
      const key = pairs === null ? null : keyOf(target, pairs)
      return given && key !== null && !created.has(rowIdentity(target, key))
        ? [{ row, relation: relation.name, target, key }]
        : []
    })
  })
}
