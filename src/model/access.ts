/**
 * Permission rules from the side of the rows they decide about: for each resource the rules that reach it, with the
 * to-one relations that lead from a row up to the row whose lists count (spec: access, user-owned permissions).
 */
import type { Definition, PermissionDefinition, ResourceDefinition } from '../config/definition.js'
import type { PermissionReach, PermissionRule } from './model.js'

export interface CompiledAccess {
  /** Rules by the name of the resource that carries their lists. */
  readonly rules: ReadonlyMap<string, readonly PermissionRule[]>
  /** Rules by the name of the resource that they decide about. */
  readonly reach: ReadonlyMap<string, readonly PermissionReach[]>
}

/** Both maps have an entry for every resource. Throws when a path is not one-to-many: the configuration was not checked. */
export function compileAccess(definition: Pick<Definition, 'resources'>): CompiledAccess {
  const resources = new Map(definition.resources.map((resource) => [resource.name, resource]))
  const rules = new Map<string, readonly PermissionRule[]>()
  const reach = new Map<string, PermissionReach[]>(definition.resources.map(({ name }) => [name, []]))
  for (const carrier of definition.resources) {
    const compiled = carrier.permissions.map((permission) => rule(carrier, permission))
    rules.set(carrier.name, Object.freeze(compiled))
    for (const each of compiled) {
      for (const path of [each.path, ...each.propagate]) {
        const { end, hops } = climb(resources, carrier, path)
        reach.get(end)?.push(Object.freeze({ rule: each, hops }))
      }
    }
  }
  for (const list of reach.values()) Object.freeze(list)
  return Object.freeze({ rules, reach })
}

function rule(carrier: ResourceDefinition, permission: PermissionDefinition): PermissionRule {
  const { key, field, verbs, propagate, path } = permission
  return Object.freeze({ carrier: carrier.name, key, field, verbs, propagate, path })
}

/** Name of the resource at the end of `path`, and the to-one relations from there back to the carrier. */
function climb(
  resources: ReadonlyMap<string, ResourceDefinition>,
  carrier: ResourceDefinition,
  path: readonly string[],
): { readonly end: string; readonly hops: readonly string[] } {
  const hops: string[] = []
  let end = carrier
  for (const name of path) {
    const relation = end.relations.find((candidate) => candidate.name === name)
    const target = relation === undefined ? undefined : resources.get(relation.target)
    if (target === undefined || (relation?.kind !== 'many' && relation?.kind !== 'inverse_one')) {
      throw new TypeError(`permission path "${path.join('.')}" of ${carrier.name} is not one-to-many`)
    }
    hops.unshift(relation.via)
    end = target
  }
  return { end: end.name, hops: Object.freeze(hops) }
}
