/**
 * Rows that a write names without an object of their own: by the columns of a foreign key, or as groups of a list. Prefix
 * hooks of `refer` get those that are not there, before they are missed.
 */
import type { ToOneDefinition } from '../config/definition.js'
import type { Key, PrefixItem, Row } from '../hooks.js'
import type { Queryable } from '../managers/database.js'
import { lookupRows } from '../managers/mutate/lookup.js'
import type { Model, Resource } from '../model/model.js'
import type { WritePlan, WriteRow } from '../plan/plan.js'
import { pointerToken } from '../plan/problems.js'
import { keyOf, keyText, rowIdentity } from '../plan/write-shape.js'
import type { Core, Effects, RequestContext } from './core.js'
import { may } from './hooks/may.js'
import { hasHooks, runPrefix } from './hooks/run.js'
import { writerOf } from './write-context.js'

/** Something that a row names, and what leads to it. */
interface Named {
  readonly target: Resource
  readonly key: Key
  readonly position: number
  readonly via: string
  readonly pointer: string
}

/** Whether rows of the plan name something that `refer` hooks could bring in. */
export const refersToHooked = (model: Model, plan: WritePlan): boolean =>
  plan.rows.some((row) => namedBy(model, row, 0).length > 0)

/** `judged` throws what the caller may not do: asked before anything happens elsewhere. */
export async function referStage(
  core: Core,
  request: RequestContext,
  effects: Effects,
  plan: WritePlan,
  judged: () => Promise<unknown>,
  shared: Map<unknown, unknown>,
): Promise<void> {
  const db = request.joined?.transaction ?? core.database
  for (const [target, named] of outside(core.model, plan)) {
    const missing = await absent(core, db, target, named)
    const items = missing
      .map((one) => itemOf(plan, one))
      .filter((item) => may(target, request.caller, core.enforce, 'read', item))
    if (items.length === 0) continue
    await judged()
    await runPrefix(core, request, effects, { resource: target, operation: 'refer', items, shared })
  }
}

/** What the plan names and does not write, by resource, each row once. */
function outside(model: Model, plan: WritePlan): ReadonlyMap<Resource, readonly Named[]> {
  const written = new Set(
    plan.rows.flatMap(({ resource, key }) =>
      key === null ? [] : [rowIdentity(model.resource(resource), key)],
    ),
  )
  const found = new Map<Resource, Named[]>()
  for (const [position, row] of plan.rows.entries()) {
    for (const named of namedBy(model, row, position)) {
      const text = rowIdentity(named.target, named.key)
      if (written.has(text)) continue
      written.add(text)
      const known = found.get(named.target)
      if (known === undefined) found.set(named.target, [named])
      else known.push(named)
    }
  }
  return found
}

async function absent(
  core: Core,
  db: Queryable,
  target: Resource,
  named: readonly Named[],
): Promise<readonly Named[]> {
  const keys = named.map(({ key }) => key)
  const rows = await lookupRows(writerOf(core), db, target, keys, 'none')
  const stored = new Set(rows.map((row) => keyText(target, row)))
  return named.filter(({ key }) => !stored.has(keyText(target, key)))
}

function itemOf(plan: WritePlan, { key, position, via, pointer }: Named): PrefixItem {
  const row = plan.rows[position]
  return {
    data: { ...key },
    parent: plan.nodes.find((node) => node.row === position)?.data ?? null,
    via: { resource: row?.resource ?? '', relation: via, key: row?.key ?? null },
    pointer,
    key,
    stored: null,
  }
}

/** Ways from a resource to those with `refer` hooks. */
interface Ways {
  readonly toOne: readonly (readonly [relation: ToOneDefinition, target: Resource])[]
  /** What lists name. */
  readonly group: Resource | null
}

const ways = new WeakMap<Resource, Ways>()

function waysOf(model: Model, resource: Resource): Ways {
  const known = ways.get(resource)
  if (known !== undefined) return known
  const hooked = (target: Resource): boolean => hasHooks(target, 'refer', 'prefix')
  const toOne = [...resource.relations.values()].flatMap((relation) => {
    if (relation.kind !== 'one' || !relation.constraint) return []
    const target = model.resource(relation.target)
    return hooked(target) ? [[relation, target] as const] : []
  })
  const group = resource.permissions.length === 0 ? null : model.resource('Group')
  const found = { toOne, group: group !== null && hooked(group) ? group : null }
  ways.set(resource, found)
  return found
}

function namedBy(model: Model, row: WriteRow, position: number): readonly Named[] {
  const { toOne, group } = waysOf(model, model.resource(row.resource))
  if (toOne.length === 0 && group === null) return NONE
  return [
    ...toOne.flatMap(([relation, target]) => foreignKey(row, position, relation, target)),
    ...(group === null ? [] : listed(row, position, group)),
  ]
}

const NONE: readonly never[] = Object.freeze([])

function foreignKey(
  { values, parents, pointer }: WriteRow,
  position: number,
  { name, columns }: ToOneDefinition,
  target: Resource,
): readonly Named[] {
  if (parents.some(({ relation }) => relation === name)) return NONE
  const key = keyOf(
    target,
    Object.fromEntries(columns.map(({ column, references }) => [references, values[column]])),
  )
  if (key === null) return NONE
  return [{ target, key, position, via: name, pointer: pointer + pointerToken(columns[0]?.column ?? name) }]
}

function listed({ lists, pointer }: WriteRow, position: number, target: Resource): readonly Named[] {
  return Object.entries(lists).flatMap(([field, verbs]) =>
    Object.entries((verbs ?? {}) as Row).flatMap(([verb, list]) =>
      ((list as { groups?: readonly { readonly path: string }[] } | null)?.groups ?? []).map(
        ({ path }, index): Named => ({
          target,
          key: { path },
          position,
          via: field,
          pointer: `${pointer}${pointerToken(field)}${pointerToken(verb)}/groups/${index}/path`,
        }),
      ),
    ),
  )
}
