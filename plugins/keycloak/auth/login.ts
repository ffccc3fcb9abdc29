/**
 * Logging in with the authorization code flow: `/login` starts it with a state, a nonce and PKCE that any of our processes
 * can finish, `/syn_ack` redeems the code once.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { BiodmError, type RouteContext, type RouteResult } from 'biodm'
import { flag } from '../flag.js'
import { type Keycloak, keycloakOf } from '../manager.js'
import { redeemCode, type TokenAnswer } from './openid.js'
import { verifiedClaims } from './verify.js'

/** Milliseconds from `/login` to `/syn_ack`. */
const LOGIN_LIMIT = 10 * 60_000
const COOKIE = 'biodm_login'

/** A login under way, kept under its state. */
interface Login {
  readonly redirectUri: string
  readonly verifier: string
  readonly nonce: string
  /** Hash of the cookie of the browser that it is bound to. */
  readonly browser: string | null
}

/** Answers of these routes hold secrets. */
const PRIVATE = { 'Cache-Control': 'no-store' } as const

export async function login(ctx: RouteContext): Promise<RouteResult> {
  const keycloak = keycloakOf(ctx)
  const { options, endpoints, runtime } = keycloak
  const redirectUri = ctx.query.get('redirect_uri') ?? ownCallback(keycloak)
  if (redirectUri !== ownCallback(keycloak) && !options.redirect_uris.includes(redirectUri)) {
    throw new BiodmError('invalid_query', 'This redirect URI is not allowed.', {
      errors: [{ parameter: 'redirect_uri', message: 'must be one of `redirect_uris` of the configuration' }],
    })
  }
  const state = secret()
  const browser = flag(ctx.query, 'redirect') ? secret() : null
  const started: Login = {
    redirectUri,
    verifier: secret(),
    nonce: secret(),
    browser: browser === null ? null : hash(browser),
  }
  await runtime.store.set(`login:${state}`, started, { expiresAt: Date.now() + LOGIN_LIMIT })
  const query = new URLSearchParams({
    client_id: options.client_id,
    response_type: 'code',
    scope: 'openid',
    redirect_uri: redirectUri,
    state,
    nonce: started.nonce,
    code_challenge: hash(started.verifier),
    code_challenge_method: 'S256',
  })
  const location = `${endpoints.authorize}?${query}`
  if (browser === null) {
    return {
      status: 200,
      headers: { ...PRIVATE, 'Content-Type': 'text/plain; charset=utf-8' },
      body: location,
    }
  }
  return {
    status: 302,
    headers: { ...PRIVATE, Location: location, 'Set-Cookie': cookie(runtime.url(), browser) },
  }
}

export async function synAck(ctx: RouteContext): Promise<RouteResult> {
  const keycloak = keycloakOf(ctx)
  const started = await takeLogin(ctx, keycloak)
  const refused = ctx.query.get('error')
  if (refused !== null) {
    const description = ctx.query.get('error_description') ?? refused
    throw new BiodmError('bad_request', `Keycloak ended the login: ${description.slice(0, 200)}.`)
  }
  const code = ctx.query.get('code')
  if (code === null || code === '') throw parameter('code', 'is missing')
  const { answer, idToken } = await redeemCode(keycloak, { ...started, code })
  await checkNonce(keycloak, idToken, started.nonce)
  const body: TokenAnswer = answer
  return { status: 200, headers: { ...PRIVATE, 'Set-Cookie': cookie(keycloak.runtime.url(), '') }, body }
}

/** The login of the state, which is used up by this, whatever becomes of it. */
async function takeLogin(ctx: RouteContext, keycloak: Keycloak): Promise<Login> {
  const state = ctx.query.get('state')
  if (state === null || !/^[\w-]{43}$/.test(state)) throw parameter('state', 'is missing or malformed')
  const started = (await keycloak.runtime.store.take(`login:${state}`)) as Login | undefined | null
  if (started === undefined || started === null) {
    throw parameter('state', 'is unknown, used or older than ten minutes: log in again')
  }
  if (started.browser !== null && !isSame(started.browser, hash(cookieOf(ctx)))) {
    throw new BiodmError('forbidden', 'This login was begun in another browser.')
  }
  return started
}

/** The ID token answers the very request that we made. */
async function checkNonce(
  { keys, endpoints, options }: Keycloak,
  token: string | null,
  nonce: string,
): Promise<void> {
  const claims = token === null ? null : await verifiedClaims(token, keys)
  const fits =
    claims !== null &&
    claims['iss'] === endpoints.issuer &&
    [claims['aud']].flat().includes(options.client_id) &&
    claims['nonce'] === nonce
  if (!fits) throw new BiodmError('bad_request', 'The login was answered with the wrong token: log in again.')
}

const ownCallback = ({ runtime }: Keycloak): string => `${runtime.url()}/syn_ack`
const secret = (): string => randomBytes(32).toString('base64url')
const hash = (value: string): string => createHash('sha256').update(value).digest('base64url')
const isSame = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

const parameter = (name: string, message: string): BiodmError =>
  new BiodmError('invalid_query', `The parameter ${name} ${message}.`, {
    errors: [{ parameter: name, message }],
  })

/** An empty value removes it. */
function cookie(url: string, value: string): string {
  const { protocol, pathname } = new URL(`${url}/syn_ack`)
  const life = value === '' ? 0 : LOGIN_LIMIT / 1000
  const secure = protocol === 'https:' ? '; Secure' : ''
  return `${COOKIE}=${value}; Path=${pathname}; Max-Age=${life}; HttpOnly; SameSite=Lax${secure}`
}

function cookieOf(ctx: RouteContext): string {
  const pairs = (ctx.headers['cookie'] ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? ''
}
