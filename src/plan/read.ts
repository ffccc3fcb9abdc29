/**
 * Plans of everything that reads. A raw query string, the model and the caller go in; out comes a frozen plan, or one
 * error that names every faulty parameter. Static rules are judged here: 401 and 403 come before 400.
 */
import { demand } from '../access/static.js'
import { BiodmError } from '../errors.js'
import type { Key } from '../hooks.js'
import type { Resource } from '../model/model.js'
import type { Access, ListPlan, ReadPlan, RelatedPlan, Selection } from './plan.js'
import { type Asker, accessOf, isToOne, readable } from './query/fields.js'
import { NO_FILTER, parseFilter } from './query/filter.js'
import { parseCount, parsePage, parseSort, single } from './query/page.js'
import { QueryProblems } from './query/problems.js'
import { type Parameter, parseQueryString } from './query/query-string.js'
import { defaultSelection, fieldPaths, parseFields } from './query/selection.js'

export type { Asker }

/** A row whose collection is read: `GET /datasets/1/files`. */
export interface Parent {
  readonly resource: Resource
  readonly key: Key
  readonly relation: string
}

/** `GET /datasets/{id}`: the query may hold `fields`. */
export function planRead(asker: Asker, resource: Resource, key: Key, query = ''): ReadPlan {
  demand(resource, 'read', asker.caller, asker.enforce)
  const { selection, fields } = singleShape(asker, resource, query)
  return Object.freeze({
    kind: 'read',
    resource: resource.name,
    key: Object.freeze(key),
    selection,
    fields,
    access: accessOf(asker),
  })
}

/** `GET /datasets/{id}/project`: a to-one relation, needing `read` on both ends. */
export function planRelated(asker: Asker, parent: Parent, query = ''): RelatedPlan {
  const target = targetOf(asker, parent)
  const { selection, fields } = singleShape(asker, target, query)
  return Object.freeze({
    kind: 'related',
    resource: parent.resource.name,
    key: Object.freeze(parent.key),
    relation: parent.relation,
    selection,
    fields,
    access: accessOf(asker),
  })
}

/** `GET /datasets` and, with `parent`, `GET /projects/{id}/datasets`. */
export function planList(
  asker: Asker,
  resource: Resource,
  query = '',
  parent: Parent | null = null,
): ListPlan {
  if (parent === null) demand(resource, 'read', asker.caller, asker.enforce)
  else targetOf(asker, parent)
  return Object.freeze({
    kind: 'list',
    resource: resource.name,
    parent:
      parent === null
        ? null
        : Object.freeze({
            resource: parent.resource.name,
            key: Object.freeze(parent.key),
            relation: parent.relation,
          }),
    ...(query === '' ? firstPage(asker, resource) : asked(asker, resource, query)),
    access: accessOf(asker),
  })
}

/** What a query string decides of a list. */
type Asked = Omit<ListPlan, 'kind' | 'resource' | 'parent' | 'access'>

const NO_SORT: readonly [] = Object.freeze([])

function firstPage(asker: Asker, resource: Resource): Asked {
  return {
    start: 0,
    end: asker.model.definition.server.pageSize,
    count: false,
    sort: NO_SORT,
    filter: NO_FILTER,
    selection: defaultSelection(asker, resource, false),
    fields: null,
  }
}

function asked(asker: Asker, resource: Resource, query: string): Asked {
  const { server } = asker.model.definition
  const problems = new QueryProblems()
  const parameters = byName(parseQueryString(query, server.limits, problems))
  checkCount(parameters, server.limits.terms, problems)
  const once = (name: 'start' | 'end' | 'count') => single(parameters[name], problems)
  const plan = {
    ...parsePage(once('start'), once('end'), server, problems),
    count: parseCount(once('count'), problems),
    sort: parseSort(asker, resource, parameters.sort, server.limits.terms, problems),
    filter: parseFilter(asker, resource, parameters.filter, server.limits, problems),
    selection: shape(asker, resource, parameters.fields, false, problems),
    fields: fieldPaths(parameters.fields),
  }
  problems.refuse()
  return plan
}

/** The resource at the other end, both ends readable as far as static rules go. */
function targetOf(asker: Asker, parent: Parent): Resource {
  demand(parent.resource, 'read', asker.caller, asker.enforce)
  const relation = parent.resource.relations.get(parent.relation)
  if (relation === undefined) throw new BiodmError('not_found')
  const target = asker.model.resource(relation.target)
  demand(target, 'read', asker.caller, asker.enforce)
  return target
}

/** Whether a relation is read as one object (`planRelated`) or as a collection (`planList`). */
export function isToOneRelation(resource: Resource, name: string): boolean {
  const relation = resource.relations.get(name)
  return relation !== undefined && isToOne(relation)
}

/** How a caller sees rows that they have just written: as a single read does; null: their `read` is refused. */
export function planShape(
  asker: Asker,
  resource: Resource,
): { readonly selection: Selection; readonly access: Access } | null {
  if (!readable(asker, resource)) return null
  return { selection: defaultSelection(asker, resource, true), access: accessOf(asker) }
}

function singleShape(asker: Asker, resource: Resource, query: string) {
  if (query === '') return { selection: defaultSelection(asker, resource, true), fields: null }
  const problems = new QueryProblems()
  const { fields, ...others } = byName(
    parseQueryString(query, asker.model.definition.server.limits, problems),
  )
  for (const parameter of Object.values(others).flat()) {
    problems.add(parameter.sent, 'one object is read here: only `fields` may be given')
  }
  const selection = shape(asker, resource, fields, true, problems)
  problems.refuse()
  return { selection, fields: fieldPaths(fields) }
}

function shape(
  asker: Asker,
  resource: Resource,
  fields: readonly Parameter[],
  permissions: boolean,
  problems: QueryProblems,
): Selection {
  return fields.length === 0
    ? defaultSelection(asker, resource, permissions)
    : parseFields(asker, resource, fields, asker.model.definition.server.limits, problems)
}

interface ByName {
  readonly fields: Parameter[]
  readonly sort: Parameter[]
  readonly start: Parameter[]
  readonly end: Parameter[]
  readonly count: Parameter[]
  readonly filter: Parameter[]
}

/** No column can have one of the reserved names: the configuration sees to it. */
function byName(parameters: readonly Parameter[]): ByName {
  const found: ByName = { fields: [], sort: [], start: [], end: [], count: [], filter: [] }
  for (const parameter of parameters) {
    const { path, operator } = parameter
    const reserved = operator === null && path !== 'filter' && Object.hasOwn(found, path)
    found[reserved ? (path as keyof ByName) : 'filter'].push(parameter)
  }
  return found
}

function checkCount(parameters: ByName, limit: number, problems: QueryProblems): void {
  const all = Object.values(parameters).flat()
  const over = all[limit]
  if (over !== undefined) problems.add(over.sent, `a query has at most ${limit} terms`)
}
