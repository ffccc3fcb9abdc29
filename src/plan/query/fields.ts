/**
 * Names in a query: which columns and relations of a resource a caller may name. Hidden and unknown ones are told alike;
 * a relation whose target the caller may not read is refused by its own 401 or 403 (spec: access, static rules).
 */
import { demand, judge } from '../../access/static.js'
import { didYouMean } from '../../config/suggest.js'
import { admittingPaths, type Caller } from '../../identity.js'
import type { Column, Model, Relation, Resource } from '../../model/model.js'
import type { Access } from '../plan.js'
import { bad } from './problems.js'

/** Who asks, of which model. `enforce: false`: every check passes. */
export interface Asker {
  readonly model: Model
  readonly caller: Caller
  readonly enforce: boolean
}

const ALL: Access = Object.freeze({ kind: 'all' })

const listed = new WeakMap<Model, boolean>()

/** Whether users can keep lists at all. */
function hasLists(model: Model): boolean {
  const known = listed.get(model)
  if (known !== undefined) return known
  const has = [...model.resources.values()].some(({ permissions }) => permissions.length > 0)
  listed.set(model, has)
  return has
}

/** Which rows the caller may see: all for admins, where nothing is enforced, and where no lists are kept. */
export function accessOf(asker: Asker): Access {
  if (!asker.enforce || asker.caller?.admin === true || !hasLists(asker.model)) return ALL
  return { kind: 'lists', paths: admittingPaths(asker.caller) }
}

/** Longest chain of relations in a filter or a sort: each link is a subquery. */
const MAX_HOPS = 16

export const isToOne = (relation: Relation): boolean =>
  relation.kind === 'one' || relation.kind === 'inverse_one'

/** Shown in answers: not hidden, and no write-only column. */
export const isShown = (column: Column): boolean => !column.hidden && !(column.virtual && !column.readonly)

/** May be filtered and sorted by: shown and stored. */
export const isStored = (column: Column): boolean => !column.hidden && !column.virtual

export const readable = (asker: Asker, resource: Resource): boolean =>
  judge(resource, 'read', asker.caller, asker.enforce) === 'pass'

/** The relation with its target, whose `read` is demanded; null: there is none of that name. */
export function relationOf(
  asker: Asker,
  resource: Resource,
  name: string,
): { readonly relation: Relation; readonly target: Resource } | null {
  const relation = resource.relations.get(name)
  if (relation === undefined) return null
  const target = asker.model.resource(relation.target)
  demand(target, 'read', asker.caller, asker.enforce)
  return { relation, target }
}

/** Walks along relations to the resource that holds the last name of a path. */
export function walk(
  asker: Asker,
  resource: Resource,
  path: string,
  limit = MAX_HOPS,
): { readonly hops: readonly Relation[]; readonly holder: Resource; readonly last: string } {
  const names = path.split('.')
  const last = names.pop() ?? ''
  if (names.length > limit) throw bad(`goes deeper than ${limit} relations`)
  const hops: Relation[] = []
  let holder = resource
  for (const name of names) {
    const step = relationOf(asker, holder, name)
    if (step === null) {
      const column = holder.columns.get(name)
      if (column !== undefined && isShown(column)) throw column.virtual ? unstored(name) : notARelation(name)
      throw unknown(asker, holder, name)
    }
    hops.push(step.relation)
    holder = step.target
  }
  return { hops, holder, last }
}

const notARelation = (name: string) => bad(`\`${name}\` is a field without fields of its own`)

/** A hook makes its value for the answer: no row can be found by it. */
const unstored = (name: string) =>
  bad(`\`${name}\` is made for each answer: it can be named in \`fields\` only, as a whole`)

/** The same sentence for a name that does not exist and for one that is hidden. */
export function unknown(asker: Asker, resource: Resource, name: string) {
  if (resource.permissions.some(({ field }) => field === name)) {
    return bad(`\`${name}\` can be named in \`fields\` only`)
  }
  const column = resource.columns.get(name)
  if (column?.virtual === true && isShown(column)) return unstored(name)
  return bad(
    `${resource.name} has no field \`${name.length > 60 ? `${name.slice(0, 60)}…` : name}\``,
    didYouMean(name, namesOf(asker, resource), 'fields'),
  )
}

function namesOf(asker: Asker, resource: Resource): readonly string[] {
  const columns = [...resource.columns.values()].filter(isShown).map(({ name }) => name)
  const relations = [...resource.relations.values()]
    .filter(({ target }) => readable(asker, asker.model.resource(target)))
    .map(({ name }) => name)
  return [...columns, ...relations]
}
