/** `/login`, `/refresh`, `/logout`, `/authenticated`. */
import { BiodmError, type JsonSchema, type PluginRoute, type Problem, type RouteContext } from 'biodm'
import { accountsOf } from './manager.js'

/** Tokens are for whoever asked, not for caches on the way. */
const NO_STORE = Object.freeze({ 'Cache-Control': 'no-store' })

/** The named members of the body, which must all be texts. */
function texts<const Name extends string>(body: unknown, ...names: readonly Name[]): Record<Name, string> {
  const object = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {}
  const problems: Problem[] = []
  const found = {} as Record<Name, string>
  for (const name of names) {
    const value = (object as Record<string, unknown>)[name]
    if (typeof value === 'string') found[name] = value
    else problems.push({ pointer: `/${name}`, message: 'must be a text' })
  }
  for (const name of Object.keys(object)) {
    if (!(names as readonly string[]).includes(name)) {
      problems.push({
        pointer: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
        message: 'is unknown',
      })
    }
  }
  if (problems.length === 0) return found
  throw new BiodmError('invalid_body', `Send a JSON object with ${names.join(' and ')}`, { errors: problems })
}

async function login(ctx: RouteContext) {
  const { username, password } = texts(ctx.body, 'username', 'password')
  return { status: 200, headers: NO_STORE, body: await accountsOf(ctx).login(username, password, ctx.ip) }
}

async function refresh(ctx: RouteContext) {
  const { refresh_token } = texts(ctx.body, 'refresh_token')
  return { status: 200, headers: NO_STORE, body: await accountsOf(ctx).refresh(refresh_token) }
}

async function logout(ctx: RouteContext) {
  const { refresh_token } = texts(ctx.body, 'refresh_token')
  await accountsOf(ctx).logout(refresh_token)
  return { status: 204 }
}

function authenticated({ identity }: RouteContext) {
  if (identity === null) {
    throw new BiodmError('authentication_required', 'Send an access token', {
      headers: { 'WWW-Authenticate': 'Bearer realm="biodm"' },
    })
  }
  const { username, groups, admin } = identity
  return { status: 200, headers: NO_STORE, body: { username, groups, admin } }
}

const text: JsonSchema = { type: 'string' }

const object = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
})

const json = (description: string, schema: JsonSchema): JsonSchema => ({
  description,
  content: { 'application/json': { schema } },
})

const sent = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  required: true,
  content: { 'application/json': { schema: { ...object(properties), additionalProperties: false } } },
})

const TOKENS = json(
  'Tokens',
  object({
    access_token: text,
    refresh_token: text,
    expires_in: { type: 'integer', description: 'Seconds' },
  }),
)

/** Shared descriptions of what is refused, by name. */
const refused = (name: string): JsonSchema => ({ $ref: `#/components/responses/${name}` })

const open = { public: true, ignoreToken: true } as const

export const ROUTES: readonly PluginRoute[] = [
  {
    method: 'POST',
    path: '/login',
    ...open,
    openapi: {
      operationId: 'login',
      summary: 'Exchange a user name and password for tokens',
      requestBody: sent({ username: text, password: text }),
      responses: { 200: TOKENS, 401: refused('Unauthorized'), 429: refused('RateLimited') },
    },
    run: login,
  },
  {
    method: 'POST',
    path: '/refresh',
    ...open,
    openapi: {
      operationId: 'refresh',
      summary: 'Exchange a refresh token, once, for new tokens',
      requestBody: sent({ refresh_token: text }),
      responses: { 200: TOKENS, 401: refused('Unauthorized') },
    },
    run: refresh,
  },
  {
    method: 'POST',
    path: '/logout',
    ...open,
    openapi: {
      operationId: 'logout',
      summary: 'Revoke a refresh token and all that came from the same login',
      requestBody: sent({ refresh_token: text }),
      responses: { 204: { description: 'Revoked' } },
    },
    run: logout,
  },
  {
    method: 'GET',
    path: '/authenticated',
    openapi: {
      operationId: 'authenticated',
      summary: 'Who the token says is asking',
      responses: {
        200: json(
          'The caller',
          object({ username: text, groups: { type: 'array', items: text }, admin: { type: 'boolean' } }),
        ),
      },
    },
    run: authenticated,
  },
]
