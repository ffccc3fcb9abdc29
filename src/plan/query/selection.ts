/**
 * Which columns and relations an answer shows. Selections are canonical: the same choice by the same rules is the same
 * object, in the order of the model, so that compiled statements can be found by it.
 */
import { judge } from '../../access/static.js'
import { Bounded } from '../../bounded.js'
import type { Limits } from '../../config/definition.js'
import type { Model, Relation, Resource } from '../../model/model.js'
import type { RelatedSelection, Selection } from '../plan.js'
import { type Asker, isShown, readable, relationOf, unknown } from './fields.js'
import { fieldsHint } from './foreign.js'
import { bad, type QueryProblems } from './problems.js'
import type { Parameter } from './query-string.js'

/** How many relations deep `fields` may go. */
const MAX_DEPTH = 4
/** Selections kept by a model. */
const MAX_KEPT = 1000

const kept = new WeakMap<Model, Bounded<string, Selection>>()

function keep(model: Model, key: string, make: () => Selection): Selection {
  let selections = kept.get(model)
  if (selections === undefined) {
    selections = new Bounded(MAX_KEPT)
    kept.set(model, selections)
  }
  return selections.get(key, make)
}

/**
 * Every column that is not hidden and each `embed` relation whose target the caller may read, with its own columns.
 * `permissions`: the `perm_*` fields too, as single reads have them.
 */
export function defaultSelection(asker: Asker, resource: Resource, permissions: boolean): Selection {
  const lists = permissions && resource.permissions.length > 0 && mayUpdate(asker, resource)
  let key = lists ? `${resource.name}!` : `${resource.name}:`
  const shown: Relation[] = []
  for (const relation of resource.relations.values()) {
    const visible = relation.embed && readable(asker, asker.model.resource(relation.target))
    key += visible ? '1' : '0'
    if (visible) shown.push(relation)
  }
  return keep(asker.model, key, () =>
    selection(
      columnsOf(resource),
      lists ? resource.permissions.map(({ field }) => field) : [],
      shown.map(({ name, target }) => ({
        relation: name,
        selection: selection(columnsOf(asker.model.resource(target)), [], []),
      })),
    ),
  )
}

/** Static rules only: whose row it is or what lists say is judged by row. Nobody changes lists as their own row's data. */
const mayUpdate = (asker: Asker, resource: Resource): boolean =>
  judge(resource, 'update', asker.caller, asker.enforce, { key: null, given: [] }) === 'pass'

const columnsOf = (resource: Resource): readonly string[] =>
  [...resource.columns.values()].filter(isShown).map(({ name }) => name)

function selection(
  columns: readonly string[],
  permissions: readonly string[],
  relations: readonly RelatedSelection[],
): Selection {
  return Object.freeze({
    columns: Object.freeze(columns),
    permissions: Object.freeze(permissions),
    relations: Object.freeze(relations.map((related) => Object.freeze(related))),
  })
}

/** What `fields` names of one resource. */
interface Choice {
  readonly names: Set<string>
  readonly relations: Map<string, Choice>
  /** The relation itself is named: all its own columns. */
  whole: boolean
}

const choice = (): Choice => ({ names: new Set(), relations: new Map(), whole: false })

/** The paths of all `fields` parameters as sent; null without one: the default shape. */
export function fieldPaths(parameters: readonly Parameter[]): readonly string[] | null {
  if (parameters.length === 0) return null
  return Object.freeze(parameters.flatMap(({ argument }) => argument.split(',')))
}

export function parseFields(
  asker: Asker,
  resource: Resource,
  parameters: readonly Parameter[],
  limits: Pick<Limits, 'fields'>,
  problems: QueryProblems,
): Selection {
  const root = choice()
  let count = 0
  for (const parameter of parameters) {
    const read = (): void => {
      const paths = parameter.argument.split(',')
      count += paths.length
      if (count > limits.fields) throw bad(`names more than ${limits.fields} fields`)
      for (const path of paths) choose(asker, resource, root, path)
    }
    problems.attempt(parameter.sent, read, () => fieldsHint(parameter))
  }
  const chosen = chosenSelection(asker, resource, root)
  return keep(asker.model, `${resource.name}?${JSON.stringify(chosen)}`, () => chosen)
}

function choose(asker: Asker, resource: Resource, root: Choice, path: string): void {
  const names = path.split('.')
  const last = names.pop() ?? ''
  if (names.length > MAX_DEPTH) throw tooDeep(path)
  let at: Choice = root
  let holder = resource
  for (const name of names) [at, holder] = descend(asker, holder, at, name)
  const column = holder.columns.get(last)
  if ((column !== undefined && isShown(column)) || isPermission(holder, last)) {
    at.names.add(last)
    return
  }
  const [whole] = descend(asker, holder, at, last)
  if (names.length >= MAX_DEPTH) throw tooDeep(path)
  whole.whole = true
}

const tooDeep = (path: string) => bad(`\`${path}\` goes deeper than ${MAX_DEPTH} relations`)

/** One relation further: what is chosen of its target. */
function descend(
  asker: Asker,
  holder: Resource,
  at: Choice,
  name: string,
): readonly [chosen: Choice, target: Resource] {
  const step = relationOf(asker, holder, name)
  if (step === null) {
    const column = holder.columns.get(name)
    if (column !== undefined && isShown(column)) throw bad(`\`${name}\` is a field without fields of its own`)
    throw unknown(asker, holder, name)
  }
  const next = at.relations.get(name) ?? choice()
  at.relations.set(name, next)
  return [next, step.target]
}

const isPermission = (resource: Resource, name: string): boolean =>
  resource.permissions.some(({ field }) => field === name)

function chosenSelection(asker: Asker, resource: Resource, chosen: Choice): Selection {
  const { model } = asker
  const columns = columnsOf(resource).filter((name) => chosen.whole || chosen.names.has(name))
  const permissions = resource.permissions
    .map(({ field }) => field)
    .filter((field) => chosen.names.has(field))
  const relations: RelatedSelection[] = []
  for (const { name, target } of resource.relations.values()) {
    const inner = chosen.relations.get(name)
    if (inner !== undefined) {
      relations.push({ relation: name, selection: chosenSelection(asker, model.resource(target), inner) })
    }
  }
  return selection(columns, permissions, relations)
}
