/**
 * A small Keycloak on a socket: one realm, its OpenID Connect endpoints with a login form, and the part of the admin
 * interface that manages users and groups. It answers as a real Keycloak 26 does, and misbehaves on demand.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { administer } from './admin.js'
import { type Fault, Faults, type Instead } from './faults.js'
import { Keys } from './keys.js'
import { Realm, type RealmFile, Refusal } from './realm.js'
import { Tokens } from './tokens.js'

export interface FakeKeycloak {
  /** `http://127.0.0.1:port`, the plugin's `host`. */
  readonly url: string
  readonly realm: Realm
  readonly keys: Keys
  /** Requests so far, `METHOD /path?query` without a trailing slash. */
  readonly calls: string[]
  /** Adds a fault; the returned function switches it off. */
  fault(fault: Fault): () => void
  /** An access token by the password grant of the first client. */
  accessToken(username: string, password: string): Promise<string>
  close(): Promise<void>
}

export interface FakeKeycloakOptions {
  readonly port?: number
  /** As with `--spi-group--jpa--escape-slashes-in-group-path=true`. */
  readonly escapeSlashes?: boolean
}

interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

interface World {
  readonly realm: Realm
  readonly keys: Keys
  readonly tokens: Tokens
  base(): string
}

export async function startFakeKeycloak(
  file: RealmFile,
  options: FakeKeycloakOptions = {},
): Promise<FakeKeycloak> {
  const realm = new Realm(file, options.escapeSlashes ?? true)
  const keys = await Keys.create()
  const faults = new Faults()
  const calls: string[] = []
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const tokens = new Tokens(realm, keys, () => `${base()}/realms/${file.realm}`)
  const world: World = { realm, keys, tokens, base }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = `${request.method} ${(request.url ?? '').replace(/\/(?=\?|$)/, '')}`
    calls.push(call)
    const body = await readBody(request)
    const instead = await faults.apply(call)
    if (instead.cut === 'before') request.socket.destroy()
    else if (instead.answer !== undefined) sendRaw(response, instead.answer)
    else {
      const reply = await answer(world, request, body)
      if (instead.cut === 'after') request.socket.destroy()
      else send(response, reply)
    }
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  return {
    url: base(),
    realm,
    keys,
    calls,
    fault: (fault) => faults.add(fault),
    async accessToken(username, password) {
      const [client] = file.clients ?? []
      const form = new URLSearchParams({
        grant_type: 'password',
        client_id: client?.clientId ?? '',
        client_secret: client?.secret ?? '',
        username,
        password,
      })
      return String((await tokens.grant(form))['access_token'])
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function answer(world: World, request: IncomingMessage, body: string): Promise<Reply> {
  const url = new URL(request.url ?? '/', world.base())
  const segments = url.pathname.slice(1).replace(/\/$/, '').split('/').map(decodeURIComponent)
  try {
    if (segments[0] === 'realms' && segments[1] === world.realm.file.realm) {
      return await openid(world, request, url, segments.slice(2).join('/'), body)
    }
    if (segments[0] === 'admin' && segments[1] === 'realms' && segments[2] === world.realm.file.realm) {
      return admin(world, request, url, segments.slice(3), body)
    }
    return { status: 404, body: { error: 'Realm does not exist' } }
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: error.body }
    throw error
  }
}

async function openid(
  { keys, tokens, realm, base }: World,
  request: IncomingMessage,
  url: URL,
  endpoint: string,
  body: string,
): Promise<Reply> {
  const form = new URLSearchParams(body)
  switch (`${request.method} ${endpoint.replace('protocol/openid-connect/', '')}`) {
    case 'GET ':
      return { status: 200, body: { realm: realm.file.realm, 'token-service': `${base()}${url.pathname}` } }
    case 'GET certs':
      return { status: 200, body: keys.list() }
    case 'POST token':
      return { status: 200, body: await tokens.grant(form, request.headers.authorization) }
    case 'POST logout':
      tokens.logout(form, request.headers.authorization)
      return { status: 204 }
    case 'GET auth':
      return loginPage(realm, url)
    case 'POST auth': {
      const code = tokens.login(url.searchParams, form.get('username') ?? '', form.get('password') ?? '')
      if (code === null) return loginPage(realm, url)
      const target = new URL(url.searchParams.get('redirect_uri') ?? '')
      target.searchParams.set('state', url.searchParams.get('state') ?? '')
      target.searchParams.set('code', code)
      return { status: 302, headers: { location: target.href } }
    }
    default:
      return { status: 404, body: { error: 'HTTP 404 Not Found' } }
  }
}

/** Field names and button as on Keycloak's own page. */
function loginPage(realm: Realm, url: URL): Reply {
  const client = realm.file.clients?.find(({ clientId }) => clientId === url.searchParams.get('client_id'))
  if (!client?.redirectUris?.includes(url.searchParams.get('redirect_uri') ?? '')) {
    return { status: 400, headers: { 'content-type': 'text/html' }, body: 'Invalid parameter: redirect_uri' }
  }
  const action = url.search.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  const page = `<!doctype html><title>Sign in</title><form method="post" action="${action}">
<input id="username" name="username"><input id="password" name="password" type="password">
<button id="kc-login" type="submit">Sign In</button></form>`
  return { status: 200, headers: { 'content-type': 'text/html' }, body: page }
}

function admin(
  { realm, tokens, base }: World,
  request: IncomingMessage,
  url: URL,
  segments: readonly string[],
  body: string,
): Reply {
  const caller = tokens.userOf(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '')
  if (caller === null) return { status: 401, body: { error: 'HTTP 401 Unauthorized' } }
  const parsed: unknown = body === '' ? {} : JSON.parse(body)
  const reply = administer(realm, {
    method: request.method ?? 'GET',
    segments,
    query: url.searchParams,
    body: typeof parsed === 'object' && parsed !== null ? { ...parsed } : {},
    caller,
    base: `${base()}/admin/realms/${realm.file.realm}`,
  })
  const headers = reply.location === undefined ? {} : { location: reply.location }
  return { status: reply.status, headers, body: reply.body }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  response.writeHead(status, {
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  })
  response.end(text)
}

function sendRaw(response: ServerResponse, { status, type, body }: NonNullable<Instead['answer']>): void {
  response.writeHead(status, { 'content-type': type })
  response.end(body)
}
