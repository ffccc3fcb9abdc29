/** Routes that traits mount under their resource: the row is loaded and judged before the plugin sees the request. */
import { demand, judge, lacking, refusal } from '../access/static.js'
import { BiodmError } from '../errors.js'
import type { Key } from '../hooks.js'
import { resourceFacts } from '../model/facts.js'
import type { BoundRoute, Model, Resource } from '../model/model.js'
import type { ResourceFacts, TraitRoute, TraitRouteContext } from '../plugin.js'
import type { Core, RequestContext } from '../services/core.js'
import { loadRow, operate } from '../services/operate.js'
import { passingKeys } from '../services/write-access-rows.js'
import { writerOf } from '../services/write-context.js'
import { parseKey } from './key.js'
import { answered, common, routeContext, template } from './plugin-routes.js'
import type { CoreOf, Route, RouteRequest, StaticRule } from './route.js'

export function traitRoutes(model: Model, core: CoreOf): readonly Route[] {
  return [...model.byPath.values()].flatMap((resource) => {
    const facts = resourceFacts(resource)
    return resource.routes.map((bound) => traitRoute(core, resource, facts, bound))
  })
}

function traitRoute(
  core: CoreOf,
  resource: Resource,
  facts: ResourceFacts,
  bound: BoundRoute<TraitRoute>,
): Route {
  const { route, plugin } = bound
  return {
    ...common(bound),
    template: `/${resource.path}${template(route.path)}`,
    policy: {
      public: route.public === true,
      ignoreToken: route.ignoreToken === true,
      guard: { kind: 'plugin', plugin, rules: rulesOf(resource, route.verb) },
    },
    action: { kind: 'plugin', plugin, openapi: route.openapi, resource: resource.name },
    run: async (request) => {
      const context = await traitContext(core(), resource, facts, bound, request)
      return await answered(bound, async () => await route.run(context))
    },
  }
}

function rulesOf(resource: Resource, verb: string | null): readonly StaticRule[] {
  if (verb === null) return []
  return [...new Set(['read', verb])].map((each) => ({ resource: resource.name, verb: each }))
}

async function traitContext(
  core: Core,
  resource: Resource,
  facts: ResourceFacts,
  bound: BoundRoute<TraitRoute>,
  request: RouteRequest,
): Promise<TraitRouteContext> {
  const { verb } = bound.route
  const key = parseKey(resource, request.params[0] ?? '')
  for (const rule of rulesOf(resource, verb)) {
    demand(resource, rule.verb, request.caller, core.enforce, { key, given: [] })
  }
  const ctx = { ...routeContext(core, bound, request, 1), resource: facts, key }
  await bound.route.admit?.(ctx)
  const row = await loadRow(core, request, resource, key)
  if (verb !== null) await demandRow(core, request, resource, key, verb)
  return {
    ...ctx,
    row: Object.freeze(row),
    may: (wanted) => mayRow(core, request, resource, key, wanted),
    operate: (operation, run) =>
      operate(core, request, { resource, key, operation, plugin: bound.plugin }, run),
  }
}

/** 404 for a row that may not be read, as for one that is not there; 401 or 403 when the verb is refused on it. */
async function demandRow(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  verb: string,
): Promise<void> {
  if (!(await mayRow(core, request, resource, key, 'read'))) {
    throw new BiodmError('not_found', `There is no such ${resource.name}`)
  }
  if (verb !== 'read' && !(await mayRow(core, request, resource, key, verb))) {
    throw refusal(lacking(request.caller), resource.name, verb)
  }
}

/** Static rules and lists of one row. */
async function mayRow(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
  verb: string,
): Promise<boolean> {
  if (!core.enforce || request.caller?.admin === true) return true
  if (judge(resource, verb, request.caller, core.enforce, { key, given: [] }) !== 'pass') return false
  const judging = { core, request, writer: writerOf(core), db: core.database }
  return (await passingKeys(judging, resource, verb, [key])).size > 0
}
