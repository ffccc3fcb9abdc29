/**
 * What lists demand of related rows. The row that they are related to is readable wherever this is asked (it is shown, or
 * its own condition stands beside), so a rule that has decided about it need not be asked again, and a rule whose
 * way up leads through it is asked once for it instead of once for each child.
 */
import type { Model, PermissionReach, Relation, Resource } from '../../model/model.js'
import { reachOf } from '../access.js'

export interface Demands {
  /** Rules to ask about each related row. */
  readonly own: readonly PermissionReach[]
  /** Rules to ask about the row that they are related to. */
  readonly hoisted: readonly PermissionReach[]
}

export function demandsOf(model: Model, holder: Resource, relation: Relation): Demands {
  const target = model.resource(relation.target)
  const own: PermissionReach[] = []
  const hoisted: PermissionReach[] = []
  for (const reach of reachOf(target, 'read')) {
    const above = throughHolder(relation, reach)
    if (above === null) {
      if (!decidedBefore(holder, relation, reach)) own.push(reach)
    } else if (!asked(holder, reach, above)) hoisted.push({ rule: reach.rule, hops: above })
  }
  return { own, hoisted }
}

/** The hops from the holder on, when the way up to the carrier leads through it. */
function throughHolder(relation: Relation, reach: PermissionReach): readonly string[] | null {
  if (relation.kind !== 'many' && relation.kind !== 'inverse_one') return null
  return reach.hops[0] === relation.via ? reach.hops.slice(1) : null
}

/** Through a to-one relation: the holder's own rule has already gone this way. */
function decidedBefore(holder: Resource, relation: Relation, reach: PermissionReach): boolean {
  return relation.kind === 'one' && asked(holder, reach, [relation.name, ...reach.hops])
}

const asked = (holder: Resource, { rule }: PermissionReach, hops: readonly string[]): boolean =>
  reachOf(holder, 'read').some(
    (reach) =>
      reach.rule === rule &&
      reach.hops.length === hops.length &&
      reach.hops.every((hop, i) => hop === hops[i]),
  )
