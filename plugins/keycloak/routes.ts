import { BiodmError, type JsonSchema, type PluginRoute, type RouteContext, type RouteResult } from 'biodm'
import { login, synAck } from './auth/login.js'
import { logout, refresh } from './auth/openid.js'
import { flag } from './flag.js'
import { keycloakOf } from './manager.js'
import { type Report, SyncRunning, synchronise } from './sync/sync.js'

const TOKENS: JsonSchema = {
  type: 'object',
  required: ['access_token', 'refresh_token', 'expires_in', 'refresh_expires_in'],
  properties: {
    access_token: { type: 'string' },
    refresh_token: { type: 'string' },
    expires_in: { type: 'integer', description: 'Seconds' },
    refresh_expires_in: { type: 'integer', description: 'Seconds' },
  },
}
const REFRESH_TOKEN: JsonSchema = {
  type: 'object',
  required: ['refresh_token'],
  properties: { refresh_token: { type: 'string' } },
}
const counts = (...names: readonly string[]): JsonSchema => ({
  type: 'object',
  required: names,
  properties: Object.fromEntries(names.map((name) => [name, { type: 'integer' }])),
})
const REASONS: JsonSchema = {
  type: 'array',
  items: {
    type: 'object',
    required: ['what', 'reason'],
    properties: { what: { type: 'string' }, reason: { type: 'string' } },
  },
}
const REPORT: JsonSchema = {
  type: 'object',
  required: ['dry_run', 'groups', 'users', 'memberships', 'skipped', 'conflicts'],
  properties: {
    dry_run: { type: 'boolean' },
    groups: counts('created', 'updated', 'unchanged'),
    users: counts('created', 'updated', 'unchanged'),
    memberships: counts('added', 'removed'),
    skipped: { ...REASONS, description: 'What was left out, the first hundred' },
    conflicts: { ...REASONS, description: 'What needs a person, the first hundred' },
  },
}
const json = (schema: JsonSchema): JsonSchema => ({ content: { 'application/json': { schema } } })
const answers = (description: string, schema: JsonSchema): JsonSchema => ({
  200: { description, ...json(schema) },
})
const refused = (name: string): JsonSchema => ({ $ref: `#/components/responses/${name}` })
const header = (description: string): JsonSchema => ({
  description,
  required: true,
  schema: { type: 'string' },
})
const COOKIE = { 'Set-Cookie': header('Binds the login to this browser, or ends that') }
const query = (name: string, description: string, schema: JsonSchema): JsonSchema => ({
  name,
  in: 'query',
  description,
  schema,
})

export const routes: readonly PluginRoute[] = [
  {
    method: 'GET',
    path: '/login',
    public: true,
    ignoreToken: true,
    openapi: {
      operationId: 'login',
      summary: "Address of Keycloak's login page, to be opened in a browser",
      parameters: [
        query('redirect_uri', 'Where the browser comes back to; default: `/syn_ack`', { type: 'string' }),
        query('redirect', 'true: redirects, and binds the login to this browser', { type: 'boolean' }),
      ],
      responses: {
        200: { description: 'The address', content: { 'text/plain': { schema: { type: 'string' } } } },
        302: { description: 'To the login page', headers: { Location: header('The page'), ...COOKIE } },
      },
    },
    run: login,
  },
  {
    method: 'GET',
    path: '/syn_ack',
    public: true,
    ignoreToken: true,
    openapi: {
      operationId: 'finishLogin',
      summary: 'Redeems the code of a login',
      parameters: [
        query('state', 'From Keycloak', { type: 'string' }),
        query('code', 'From Keycloak', { type: 'string' }),
      ],
      responses: {
        200: { description: 'Tokens', headers: COOKIE, ...json(TOKENS) },
        403: refused('Forbidden'),
      },
    },
    run: synAck,
  },
  {
    method: 'POST',
    path: '/refresh',
    public: true,
    ignoreToken: true,
    openapi: {
      operationId: 'refresh',
      summary: 'A new access token',
      requestBody: { required: true, ...json(REFRESH_TOKEN) },
      responses: { ...answers('Tokens', TOKENS), 401: refused('Unauthorized') },
    },
    async run(ctx) {
      const { answer } = await refresh(keycloakOf(ctx), refreshTokenOf(ctx))
      return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: answer }
    },
  },
  {
    method: 'POST',
    path: '/logout',
    public: true,
    ignoreToken: true,
    openapi: {
      operationId: 'logout',
      summary: 'Ends the session; its access token goes on until it expires',
      requestBody: { required: true, ...json(REFRESH_TOKEN) },
      responses: { 204: { description: 'Logged out' } },
    },
    async run(ctx) {
      await logout(keycloakOf(ctx), refreshTokenOf(ctx))
      return { status: 204 }
    },
  },
  {
    method: 'GET',
    path: '/authenticated',
    openapi: {
      operationId: 'authenticated',
      summary: 'Who the token speaks for',
      responses: answers('The caller', {
        type: 'object',
        required: ['username', 'groups', 'admin'],
        properties: {
          username: { type: 'string' },
          groups: { type: 'array', items: { type: 'string' } },
          admin: { type: 'boolean' },
        },
      }),
    },
    run({ identity }) {
      if (identity === null) throw new BiodmError('authentication_required')
      const { username, groups, admin } = identity
      return { status: 200, body: { username, groups, admin } }
    },
  },
  {
    method: 'POST',
    path: '/kc_sync',
    openapi: {
      operationId: 'syncKeycloak',
      summary: 'Imports groups, users and memberships from Keycloak; for admins',
      parameters: [query('dry_run', 'true: only counts', { type: 'boolean' })],
      responses: { ...answers('What was done', REPORT), 409: refused('Conflict') },
    },
    run: kcSync,
  },
]

async function kcSync(ctx: RouteContext): Promise<RouteResult> {
  if (ctx.identity === null) throw new BiodmError('authentication_required')
  if (!ctx.identity.admin) throw new BiodmError('forbidden', 'Only admins may start a sync.')
  const keycloak = keycloakOf(ctx)
  try {
    const report: Report = await synchronise(keycloak, {
      dryRun: flag(ctx.query, 'dry_run'),
      service: (name) => ctx.service(name, { identity: 'system' }),
      signal: ctx.signal,
    })
    return { status: 200, body: report }
  } catch (error) {
    if (error instanceof SyncRunning) throw new BiodmError('conflict', error.message)
    throw error
  }
}

function refreshTokenOf({ body }: RouteContext): string {
  const token =
    typeof body === 'object' && body !== null && 'refresh_token' in body ? body.refresh_token : undefined
  if (typeof token === 'string' && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return token
  throw new BiodmError('invalid_body', 'Send {"refresh_token": "…"}.', {
    errors: [{ pointer: '/refresh_token', message: 'must be a refresh token' }],
  })
}
