import type { ThroughDefinition, ToOneDefinition } from '../config/definition.js'
import type { Model, Resource } from './model.js'

/** A to-one relation seen from its target: who points here. */
export interface Referrer {
  readonly source: Resource
  readonly relation: ToOneDefinition
}

const known = new WeakMap<Model, ReadonlyMap<string, readonly Referrer[]>>()

/** Every stored to-one relation of the model that points at `resource`, whether or not an inverse is declared. */
export function referrersOf(model: Model, resource: Resource): readonly Referrer[] {
  return referrers(model).get(resource.name) ?? []
}

function referrers(model: Model): ReadonlyMap<string, readonly Referrer[]> {
  const found = known.get(model)
  if (found !== undefined) return found
  const byTarget = new Map<string, Referrer[]>()
  for (const source of model.resources.values()) {
    for (const relation of source.relations.values()) {
      if (relation.kind !== 'one' || !relation.constraint) continue
      const list = byTarget.get(relation.target) ?? []
      list.push({ source, relation })
      byTarget.set(relation.target, list)
    }
  }
  known.set(model, byTarget)
  return byTarget
}

/** Columns of association tables that hold keys of `resource`, whichever side declares the relation. */
export function associationsOf(
  model: Model,
  resource: Resource,
): readonly { readonly table: string; readonly pairs: ThroughDefinition['own'] }[] {
  const found = new Map<string, { table: string; pairs: ThroughDefinition['own'] }>()
  for (const source of model.resources.values()) {
    for (const relation of source.relations.values()) {
      if (relation.kind !== 'through') continue
      const sides = [
        ...(source === resource ? [relation.own] : []),
        ...(relation.target === resource.name ? [relation.other] : []),
      ]
      for (const pairs of sides) {
        found.set(`${relation.table} ${pairs.map((pair) => pair.column).join(' ')}`, {
          table: relation.table,
          pairs,
        })
      }
    }
  }
  return [...found.values()]
}
