/** The routes of every resource (spec: Routes of a resource). */
import type { Model, Relation, Resource } from '../model/model.js'
import { readAccess } from '../services/access-explain.js'
import { removeFromCollection, replaceCollection, writeCollection } from '../services/collections.js'
import { createRows, updateRow } from '../services/create.js'
import { deleteRow } from '../services/delete.js'
import { listRows } from '../services/list.js'
import { readRelated, readRow } from '../services/read.js'
import { releaseRow } from '../services/release.js'
import { parseKey } from './key.js'
import type { Action, CoreOf, Method, Route, RouteRequest, StaticRule } from './route.js'

export function resourceRoutes(model: Model, core: CoreOf): readonly Route[] {
  return [...model.byPath.values()].flatMap((resource) => [
    ...ownRoutes(core, resource),
    ...[...resource.relations.values()]
      .filter(({ target }) => !model.resource(target).internal)
      .flatMap((relation) => relationRoutes(model, core, resource, relation)),
  ])
}

/** Some part of a row: what `row(template, …)` needs beside the path. */
interface Part {
  readonly method: Method
  readonly path: string
  readonly action: Action
  readonly rules: readonly StaticRule[]
  readonly run: Route['run']
}

const WITH_BODY: ReadonlySet<Method> = new Set(['POST', 'PUT', 'PATCH'])

function route(resource: Resource, part: Part): Route {
  return {
    method: part.method,
    template: `/${resource.path}${part.path}`,
    policy: { public: false, ignoreToken: false, guard: { kind: 'rules', rules: part.rules } },
    action: part.action,
    body: WITH_BODY.has(part.method) ? 'json' : 'none',
    json: true,
    hidden: false,
    run: part.run,
  }
}

function ownRoutes(core: CoreOf, resource: Resource): readonly Route[] {
  const { name } = resource
  const rules = (...verbs: readonly string[]) => verbs.map((verb) => ({ resource: name, verb }))
  const key = (request: RouteRequest) => parseKey(resource, request.params[0] ?? '')
  const update: Omit<Part, 'method'> = {
    path: '/{id}',
    action: { kind: 'update', resource: name },
    rules: rules('read', 'update'),
    run: (request) => updateRow(core(), request, resource, key(request), request.body),
  }
  const parts: readonly Part[] = [
    {
      method: 'GET',
      path: '',
      action: { kind: 'list', resource: name },
      rules: rules('read'),
      run: (request) => listRows(core(), request, resource, request.search),
    },
    {
      method: 'POST',
      path: '',
      action: { kind: 'create', resource: name },
      rules: rules('create'),
      run: (request) => createRows(core(), request, resource, request.body),
    },
    {
      method: 'GET',
      path: '/{id}',
      action: { kind: 'read', resource: name },
      rules: rules('read'),
      run: (request) => readRow(core(), request, resource, key(request), request.search),
    },
    { ...update, method: 'PUT' },
    { ...update, method: 'PATCH' },
    {
      method: 'DELETE',
      path: '/{id}',
      action: { kind: 'delete', resource: name },
      rules: rules('read', 'delete'),
      run: (request) => deleteRow(core(), request, resource, key(request)),
    },
    {
      method: 'GET',
      path: '/{id}/access',
      action: { kind: 'access', resource: name },
      rules: rules('read', 'update'),
      run: (request) => readAccess(core(), request, resource, key(request)),
    },
  ]
  const release: Part = {
    method: 'POST',
    path: '/{id}/release',
    action: { kind: 'release', resource: name },
    rules: rules('read', 'release'),
    run: (request) => releaseRow(core(), request, resource, key(request), request.body),
  }
  return [...parts, ...(resource.versioned === false ? [] : [release])].map((part) => route(resource, part))
}

function relationRoutes(
  model: Model,
  core: CoreOf,
  resource: Resource,
  relation: Relation,
): readonly Route[] {
  return relation.kind === 'one' || relation.kind === 'inverse_one'
    ? [relatedRoute(core, resource, relation)]
    : collectionRoutes(model, core, resource, relation)
}

/** Of both ends: whoever reads the collection reads the row that it belongs to. */
const ends = (resource: Resource, relation: Relation, verb: string): readonly StaticRule[] => [
  { resource: resource.name, verb: 'read' },
  { resource: relation.target, verb },
]

function relatedRoute(core: CoreOf, resource: Resource, relation: Relation): Route {
  return route(resource, {
    method: 'GET',
    path: `/{id}/${relation.name}`,
    action: { kind: 'related', resource: resource.name, relation: relation.name },
    rules: ends(resource, relation, 'read'),
    run: (request) =>
      readRelated(
        core(),
        request,
        resource,
        parseKey(resource, request.params[0] ?? ''),
        relation.name,
        request.search,
      ),
  })
}

function collectionRoutes(
  model: Model,
  core: CoreOf,
  resource: Resource,
  relation: Relation,
): readonly Route[] {
  const { name } = relation
  const key = (request: RouteRequest) => parseKey(resource, request.params[0] ?? '')
  const action = (kind: Extract<Action, { relation: string }>['kind']): Action => ({
    kind,
    resource: resource.name,
    relation: name,
  })
  const path = `/{id}/${name}`
  const parts: readonly Part[] = [
    {
      method: 'GET',
      path,
      action: action('collection_list'),
      rules: ends(resource, relation, 'read'),
      run: (request) => readRelated(core(), request, resource, key(request), name, request.search),
    },
    {
      method: 'POST',
      path,
      action: action('collection_add'),
      rules: ends(resource, relation, 'create'),
      run: (request) => writeCollection(core(), request, resource, key(request), name, request.body),
    },
    {
      method: 'PUT',
      path,
      action: action('collection_replace'),
      rules: ends(resource, relation, 'read'),
      run: (request) => replaceCollection(core(), request, resource, key(request), name, request.body),
    },
    {
      method: 'DELETE',
      path: `${path}/{child}`,
      action: action('collection_remove'),
      rules: removal(resource, relation),
      run: (request) => {
        const child = parseKey(model.resource(relation.target), request.params[1] ?? '')
        return removeFromCollection(core(), request, resource, key(request), name, child)
      },
    },
  ]
  return parts.map((part) => route(resource, part))
}

/** Unlinking is an update of the row that carries the links; a child of a one-to-many is deleted. */
function removal(resource: Resource, relation: Relation): readonly StaticRule[] {
  const verdict =
    relation.kind === 'through'
      ? { resource: resource.name, verb: 'update' }
      : { resource: relation.target, verb: 'delete' }
  return [...ends(resource, relation, 'read'), verdict]
}
