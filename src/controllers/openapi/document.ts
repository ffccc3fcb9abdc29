/** OpenAPI 3.1 of the whole server or of one resource, made from the route table: what is not mounted is not described. */
import type { Model } from '../../model/model.js'
import type { JsonSchema } from '../../plugin.js'
import type { Action, Route } from '../route.js'
import { tagOf } from './names.js'
import { operationOf } from './operations.js'
import { COMMON_PARAMETERS } from './parameters.js'
import { PROBLEM_RESPONSES, PROBLEM_SCHEMAS } from './problems.js'
import { resourceSchemas } from './schemas.js'

export interface OpenapiOptions {
  /** Public address, base path included. Default: the base path, which browsers complete themselves. */
  readonly url?: string
  /** Only this resource: its routes, and the schemas that they need. */
  readonly resource?: string
}

/** A plain JSON object, in the order in which people read it. */
export function openapiDocument(
  model: Model,
  routes: readonly Route[],
  options: OpenapiOptions = {},
): JsonSchema {
  const { definition } = model
  const { resource } = options
  const shown = routes.filter(
    (route) => !route.hidden && (resource === undefined || isOf(route.action, resource)),
  )
  const security = securitySchemes(model)
  const paths = pathsOf(model, shown, Object.keys(security))
  const components = {
    schemas: { ...PROBLEM_SCHEMAS, ...resourceSchemas(model) },
    parameters: COMMON_PARAMETERS,
    responses: PROBLEM_RESPONSES,
    ...(Object.keys(security).length === 0 ? {} : { securitySchemes: security }),
  }
  return {
    openapi: '3.1.0',
    info: {
      title: resource === undefined ? definition.name : `${definition.name}: ${resource}`,
      version: definition.version,
      ...(definition.description === null ? {} : { description: definition.description }),
    },
    servers: [{ url: options.url ?? definition.server.basePath }],
    tags: tagsOf(model, shown),
    paths,
    components: used(components, paths),
  }
}

function isOf(action: Action, resource: string): boolean {
  return 'resource' in action && action.resource === resource
}

/** Of the loaded authenticator, by its plugin's name; none where nothing is enforced. */
function securitySchemes({ definition }: Model): Readonly<Record<string, JsonSchema>> {
  if (!definition.enforce) return {}
  const found = definition.plugins.find(({ plugin }) => plugin.authenticate !== undefined)
  if (found === undefined) return {}
  return { [found.name]: found.plugin.securityScheme ?? { type: 'http', scheme: 'bearer' } }
}

function pathsOf(model: Model, routes: readonly Route[], schemes: readonly string[]): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {}
  const taken = new Set<string>()
  for (const route of routes) {
    const path = route.template.replace(/\*$/, '{path}')
    const item = paths[path] ?? {}
    paths[path] = item
    item[route.method.toLowerCase()] = unique(operationOf(model, route, schemes), taken)
  }
  return paths
}

/** Two routes never share an `operationId`: generators make functions of them. */
function unique(operation: JsonSchema, taken: Set<string>): JsonSchema {
  const base = String(operation['operationId'])
  let id = base
  for (let n = 2; taken.has(id); n += 1) id = `${base}${n}`
  taken.add(id)
  return { ...operation, operationId: id }
}

function tagsOf(model: Model, routes: readonly Route[]): JsonSchema[] {
  const names = new Set(routes.map(({ action }) => tagOf(action)))
  return [...names].map((name) => {
    const description = model.resources.get(name)?.description ?? null
    return description === null ? { name } : { name, description }
  })
}

type Components = Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>

/** Only what the paths refer to, directly or through other components. */
function used(components: Components, paths: JsonSchema): Components {
  const seen = new Set<string>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const reference = (value as { readonly $ref?: unknown }).$ref
    if (typeof reference === 'string' && !seen.has(reference)) {
      seen.add(reference)
      const [, , kind = '', name = ''] = reference.split('/')
      visit(components[kind]?.[name])
    }
    for (const part of Object.values(value)) visit(part)
  }
  visit(paths)
  const kept = Object.entries(components).map(([kind, parts]) => {
    const entries = Object.entries(parts).filter(
      ([name]) => kind === 'securitySchemes' || seen.has(`#/components/${kind}/${name}`),
    )
    return [kind, Object.fromEntries(entries)] as const
  })
  return Object.fromEntries(kept.filter(([, parts]) => Object.keys(parts).length > 0))
}
