/** Problem responses: one component for each status of the error table. */
import { ERRORS } from '../../errors.js'
import type { Model } from '../../model/model.js'
import type { JsonSchema } from '../../plugin.js'
import type { Route } from '../route.js'

const NAMES: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  408: 'RequestTimeout',
  409: 'Conflict',
  413: 'BodyTooLarge',
  414: 'UriTooLong',
  415: 'UnsupportedMediaType',
  416: 'RangeNotSatisfiable',
  429: 'RateLimited',
  431: 'HeadersTooLarge',
  500: 'InternalError',
  503: 'Unavailable',
  504: 'Timeout',
  507: 'StorageFull',
}

const header = (description: string, required: boolean): JsonSchema => ({
  description,
  required,
  schema: { type: 'string' },
})
export const RETRY_AFTER: JsonSchema = { 'Retry-After': header('Seconds to wait', true) }

const HEADERS: Readonly<Record<number, JsonSchema>> = {
  401: { 'WWW-Authenticate': header('How to authenticate', true) },
  405: { Allow: header('The methods that are possible', true) },
  415: {
    Accept: header('The media type that is taken', false),
    'Accept-Encoding': header('The content encoding that is taken', false),
  },
  429: RETRY_AFTER,
  503: RETRY_AFTER,
}

const codesOf = (status: number): string[] =>
  Object.entries(ERRORS).flatMap(([code, error]) => (error.status === status ? [code] : []))

export const PROBLEM_SCHEMAS: Readonly<Record<string, JsonSchema>> = Object.freeze({
  Problem: {
    description: 'What went wrong (RFC 9457).',
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'A sentence for people' },
      code: { type: 'string', enum: Object.keys(ERRORS), description: 'Stable; for programs' },
      errors: {
        type: 'array',
        items: {
          type: 'object',
          required: ['message'],
          properties: {
            pointer: { type: 'string', description: 'JSON pointer into the body' },
            parameter: { type: 'string', description: 'Parameter of the query as sent' },
            message: { type: 'string' },
          },
        },
      },
      request_id: { type: 'string', description: 'Names the request in the log' },
    },
  },
})

export const PROBLEM_RESPONSES: Readonly<Record<string, JsonSchema>> = Object.freeze(
  Object.fromEntries(
    Object.entries(NAMES).map(([status, name]) => [
      name,
      {
        description: codesOf(Number(status))
          .map((code) => `\`${code}\``)
          .join(', '),
        ...(HEADERS[Number(status)] === undefined ? {} : { headers: HEADERS[Number(status)] }),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  ),
)

/** Any route of ours may answer these. */
const ALWAYS = [400, 406, 408, 414, 431, 500, 503, 504]

/** Who is refused: a bad token is 401 on public routes too, rules refuse on the others. */
export function denied({ definition }: Model, { policy, action }: Route): readonly number[] {
  if (!definition.enforce) return []
  const token = policy.ignoreToken ? [] : [401]
  return policy.public || action.kind === 'root' ? token : [...token, 403]
}

/** The problem responses of an operation: `statuses` and those that every route has. */
export function problems(statuses: readonly number[]): JsonSchema {
  const all = [...new Set([...ALWAYS, ...statuses])].sort((a, b) => a - b)
  return Object.fromEntries(
    all.flatMap((status) => {
      const name = NAMES[status]
      return name === undefined ? [] : [[String(status), { $ref: `#/components/responses/${name}` }]]
    }),
  )
}
