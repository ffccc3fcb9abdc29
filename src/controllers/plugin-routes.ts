/** Routes that plugins and traits bring, as rows of the route table. */
import { Readable } from 'node:stream'
import { BiodmError } from '../errors.js'
import type { BoundRoute, Model } from '../model/model.js'
import type { RouteBase, RouteContext, RouteResult } from '../plugin.js'
import type { Answer, Core } from '../services/core.js'
import { transaction } from '../services/plugin-tools.js'
import type { CoreOf, Method, Route, RouteRequest } from './route.js'

const WITH_BODY: ReadonlySet<Method> = new Set(['POST', 'PUT', 'PATCH'])

/** `/audit/:name` → `/audit/{name}`. */
export const template = (path: string): string => path.replace(/:(\w+)/g, '{$1}')

export function pluginRoutes(model: Model, core: CoreOf): readonly Route[] {
  return model.routes.map((bound) => ({
    ...common(bound),
    template: template(bound.route.path),
    policy: {
      public: bound.route.public === true,
      ignoreToken: bound.route.ignoreToken === true,
      guard: { kind: 'plugin', plugin: bound.plugin, rules: [] },
    },
    action: { kind: 'plugin', plugin: bound.plugin, openapi: bound.route.openapi, resource: null },
    run: (request) =>
      answered(bound, async () => await bound.route.run(routeContext(core(), bound, request, 0))),
  }))
}

/** What routes of plugins and of traits have in common. */
export function common({ route }: BoundRoute<RouteBase>): Pick<Route, 'method' | 'body' | 'json' | 'hidden'> {
  return {
    method: route.method,
    body: route.raw === true ? 'raw' : WITH_BODY.has(route.method) ? 'json' : 'none',
    json: false,
    hidden: route.hidden === true,
  }
}

/** `skip`: leading parameters that are not the plugin's (a trait's `{id}`). */
export function routeContext(
  core: Core,
  bound: BoundRoute<RouteBase>,
  request: RouteRequest,
  skip: number,
): RouteContext {
  const names = [...bound.route.path.matchAll(/:(\w+)|\*/g)].map(([text, name]) => name ?? text)
  const values = names.map((name, index) => [name, request.params[index] ?? ''] as const)
  return {
    settings: bound.settings,
    managers: core.managers,
    log: request.log.child({ plugin: bound.plugin }),
    signal: request.signal,
    service: core.service({ request }),
    identity: request.caller,
    method: request.method,
    path: request.path,
    params: Object.freeze(Object.fromEntries(values.slice(skip))),
    query: new URLSearchParams(request.search),
    body: request.body,
    headers: request.headers,
    ip: request.ip,
    request: request.request,
    transaction: (run, options) => transaction(core, request, bound.plugin, run, options),
  }
}

/** The answer of a plugin's route. What it throws that is no answer names it in the log. */
export async function answered(
  { plugin, route }: BoundRoute<RouteBase>,
  run: () => Promise<RouteResult>,
): Promise<Answer> {
  try {
    return answerOf(await run())
  } catch (error) {
    if (error instanceof BiodmError && error.code !== 'internal') throw error
    const reason = error instanceof Error ? error.message : String(error)
    const message = `route ${route.method} ${route.path} of the plugin ${plugin} failed: ${reason}`
    throw new BiodmError('internal', message, { cause: new Error(message, { cause: error }) })
  }
}

/** Text and bytes keep the type that the route gives them; anything else becomes JSON. */
function answerOf(result: RouteResult): Answer {
  checkResult(result)
  const { body } = result
  const type = Object.keys(result.headers ?? {}).some((name) => name.toLowerCase() === 'content-type')
  const plain = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream'
  const bare = typeof body === 'string' || body instanceof Uint8Array || body instanceof Readable
  const headers = { ...(bare && !type ? { 'Content-Type': plain } : {}), ...result.headers }
  return { status: result.status, headers, ...(body === undefined ? {} : { body }) }
}

function checkResult(result: unknown): asserts result is RouteResult {
  const status =
    typeof result === 'object' && result !== null && 'status' in result ? result.status : undefined
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(
      'a route of a plugin must return { status, headers?, body? } with a status from 200 to 599',
    )
  }
}
