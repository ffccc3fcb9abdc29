/** Operations of the server's own routes, and of those that plugins bring. */
import type { Model } from '../../model/model.js'
import type { JsonSchema } from '../../plugin.js'
import type { Action, Route } from '../route.js'
import { pascal } from './names.js'
import { pathParameters } from './parameters.js'
import { denied, problems, RETRY_AFTER } from './problems.js'

/** Media type and meaning of what the server's own routes answer. */
const ROOTS: Readonly<
  Record<string, readonly [summary: string, type: string, schema: JsonSchema, further?: number]>
> = {
  live: ['Whether the process answers', 'text/plain', { type: 'string' }],
  ready: [
    'Whether the database and the managers are ready',
    'application/json',
    {
      type: 'object',
      required: ['status', 'database', 'managers'],
      properties: {
        status: { type: 'string', enum: ['ready', 'not ready'] },
        database: { type: 'boolean' },
        managers: { type: 'object', additionalProperties: { type: 'boolean' } },
      },
    },
    503,
  ],
  metrics: ['Measurements in the format of Prometheus', 'text/plain', { type: 'string' }],
  schema: ['OpenAPI of the whole server', 'application/json', { type: 'object' }],
  swagger: ['This document for people to read and try', 'text/html', { type: 'string' }],
}

export function rootOperation(model: Model, route: Route, name: string): JsonSchema {
  const [summary, type, schema, further] = ROOTS[name] ?? [
    `The page ${name}`,
    'text/html',
    { type: 'string' },
  ]
  const answer = { description: summary, content: { [type]: { schema } } }
  const other = { ...answer, description: 'Not ready', headers: RETRY_AFTER }
  return {
    operationId: `get${pascal(name)}`,
    summary,
    responses: {
      ...problems(denied(model, route)),
      '200': answer,
      ...(further === undefined ? {} : { [String(further)]: other }),
    },
  }
}

/** What the plugin says of its route, completed by what the route itself tells. */
export function pluginOperation(
  model: Model,
  route: Route,
  action: Extract<Action, { kind: 'plugin' }>,
): JsonSchema {
  const said = isObject(action.openapi) ? action.openapi : {}
  const own = Array.isArray(said['parameters']) ? said['parameters'] : []
  const named = new Set(
    own.filter(isObject).map((parameter) => `${String(parameter['in'])} ${String(parameter['name'])}`),
  )
  const parameters = [
    ...pathParameters(model, route).filter(({ name }) => !named.has(`path ${String(name)}`)),
    ...own,
  ]
  const responses = isObject(said['responses']) ? said['responses'] : { '200': { description: 'Done' } }
  const missing = action.resource === null ? [] : [404]
  const body = route.body === 'json' ? [413, 415] : []
  return {
    operationId: pluginOperationId(model, route, action),
    ...said,
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: { ...problems([...denied(model, route), ...missing, ...body]), ...responses },
  }
}

/** `GET /files/{id}/download` → `getFileDownload`. */
function pluginOperationId(
  model: Model,
  { method, template }: Route,
  action: Extract<Action, { kind: 'plugin' }>,
): string {
  const segments = template
    .replace(/\*$/, '')
    .split('/')
    .filter((segment) => segment !== '' && !segment.startsWith('{'))
  const resource = action.resource === null ? undefined : model.resource(action.resource)
  const rest = resource === undefined ? segments : [resource.name, ...segments.slice(1)]
  return method.toLowerCase() + rest.map(pascal).join('')
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
