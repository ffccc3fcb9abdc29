/** Sessions, codes and tokens of the fake realm, as OpenID Connect's four grants give and take them. */
import { createHash, randomUUID } from 'node:crypto'
import type { JWTPayload } from 'jose'
import type { Keys } from './keys.js'
import { type ClientFile, type Realm, Refusal, type User } from './realm.js'

interface Session {
  readonly id: string
  readonly user: User
}
interface Code {
  readonly session: Session
  readonly clientId: string
  readonly redirectUri: string
  readonly challenge: string | null
  readonly nonce: string | null
  used: boolean
}

type Grant = (form: URLSearchParams, client: ClientFile) => Promise<Record<string, unknown>>

export class Tokens {
  readonly #realm: Realm
  readonly #keys: Keys
  readonly #issuer: () => string
  readonly #sessions = new Map<string, Session>()
  readonly #refresh = new Map<string, Session>()
  readonly #codes = new Map<string, Code>()

  constructor(realm: Realm, keys: Keys, issuer: () => string) {
    this.#realm = realm
    this.#keys = keys
    this.#issuer = issuer
  }

  /** The token endpoint. */
  async grant(form: URLSearchParams, authorization = ''): Promise<Record<string, unknown>> {
    const client = this.#client(form, authorization)
    const grant = this.#grants[form.get('grant_type') ?? '']
    if (grant === undefined) throw new Refusal(400, { error: 'unsupported_grant_type' })
    return grant(form, client)
  }

  /** A code after a good login; null after a wrong password. */
  login(query: URLSearchParams, username: string, password: string): string | null {
    const user = this.#realm.userNamed(username)
    if (user === undefined || !user.enabled || user.password !== password) return null
    const code = randomUUID()
    this.#codes.set(code, {
      session: this.#open(user),
      clientId: query.get('client_id') ?? '',
      redirectUri: query.get('redirect_uri') ?? '',
      challenge: query.get('code_challenge'),
      nonce: query.get('nonce'),
      used: false,
    })
    return code
  }

  logout(form: URLSearchParams, authorization = ''): void {
    this.#client(form, authorization)
    const token = form.get('refresh_token') ?? ''
    const session = this.#refresh.get(token)
    if (session === undefined) throw new Refusal(400, { error: 'invalid_grant' })
    this.#sessions.delete(session.id)
  }

  /** Whose access token this is: issued here under a key that is still listed, not ended, its user still there. */
  userOf(token: string): User | null {
    const { claims, kid } = this.#issued.get(token) ?? {}
    if (claims === undefined || kid === undefined || !this.#keys.lists(kid)) return null
    if (Number(claims.exp) * 1000 <= Date.now()) return null
    return this.#realm.users.get(String(claims.sub)) ?? null
  }

  readonly #issued = new Map<string, { readonly claims: JWTPayload; readonly kid: string }>()

  readonly #grants: Readonly<Record<string, Grant>> = {
    client_credentials: async (_, client) => {
      const user = [...this.#realm.users.values()].find(
        ({ serviceAccountClientId }) => serviceAccountClientId === client.clientId,
      )
      if (user === undefined) throw new Refusal(401, { error: 'unauthorized_client' })
      return { ...(await this.#access(user, client, null)), token_type: 'Bearer' }
    },
    password: async (form, client) => {
      const user = this.#realm.userNamed(form.get('username') ?? '')
      if (user === undefined || user.password === null || user.password !== form.get('password')) {
        throw new Refusal(401, { error: 'invalid_grant', error_description: 'Invalid user credentials' })
      }
      if (!user.enabled) throw badGrant('Account disabled')
      if (user.email === '' || user.firstName === '' || user.lastName === '') {
        throw badGrant('Account is not fully set up')
      }
      return this.#pair(this.#open(user), client, null)
    },
    authorization_code: async (form, client) => {
      const code = this.#codes.get(form.get('code') ?? '')
      if (code === undefined || code.clientId !== client.clientId) throw badGrant('Code not valid')
      if (code.used) {
        this.#sessions.delete(code.session.id)
        throw badGrant('Code not valid')
      }
      code.used = true
      if (code.redirectUri !== form.get('redirect_uri')) throw badGrant('Incorrect redirect_uri')
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url')
      if (code.challenge !== null && code.challenge !== challenge) {
        throw badGrant('PKCE verification failed: Code mismatch')
      }
      return this.#pair(code.session, client, code.nonce)
    },
    refresh_token: async (form, client) => {
      const session = this.#refresh.get(form.get('refresh_token') ?? '')
      if (session === undefined) throw badGrant('Invalid refresh token')
      if (!this.#sessions.has(session.id)) throw badGrant('Session not active')
      return this.#pair(session, client, null)
    },
  }

  #open(user: User): Session {
    const session = { id: randomUUID(), user }
    this.#sessions.set(session.id, session)
    return session
  }

  /** Credentials come in the form or as Basic authentication. */
  #client(form: URLSearchParams, authorization: string): ClientFile {
    const basic = /^Basic (.+)$/.exec(authorization)?.[1]
    const [id, secret] =
      basic === undefined
        ? [form.get('client_id'), form.get('client_secret')]
        : Buffer.from(basic, 'base64').toString('utf8').split(':').map(decodeURIComponent)
    const client = this.#realm.file.clients?.find(({ clientId }) => clientId === id)
    if (client === undefined || client.secret !== secret) {
      throw new Refusal(401, {
        error: 'unauthorized_client',
        error_description: 'Invalid client credentials',
      })
    }
    return client
  }

  async #pair(session: Session, client: ClientFile, nonce: string | null): Promise<Record<string, unknown>> {
    const refresh = `eyJhbGciOiJIUzUxMiJ9.${Buffer.from(JSON.stringify({ typ: 'Refresh', jti: randomUUID() })).toString('base64url')}.${randomUUID()}`
    this.#refresh.set(refresh, session)
    const now = Math.floor(Date.now() / 1000)
    const identity = {
      iss: this.#issuer(),
      sub: session.user.id,
      aud: client.clientId,
      azp: client.clientId,
      typ: 'ID',
      iat: now,
      exp: now + this.#life,
      ...(nonce === null ? {} : { nonce }),
    }
    return {
      ...(await this.#access(session.user, client, session.id)),
      refresh_token: refresh,
      refresh_expires_in: 1800,
      token_type: 'Bearer',
      id_token: await this.#keys.sign(identity),
    }
  }

  async #access(user: User, client: ClientFile, sid: string | null): Promise<Record<string, unknown>> {
    const now = Math.floor(Date.now() / 1000)
    const claims: JWTPayload = {
      iss: this.#issuer(),
      sub: user.id,
      typ: 'Bearer',
      azp: client.clientId,
      iat: now,
      exp: now + this.#life,
      jti: randomUUID(),
      preferred_username: user.username,
      ...(sid === null ? {} : { sid }),
      ...this.#mapped(user, client),
    }
    const token = await this.#keys.sign(claims)
    this.#issued.set(token, { claims, kid: this.#keys.kid })
    return { access_token: token, expires_in: this.#life }
  }

  /** `aud` and `groups` are there only by the client's mappers; without groups there is no claim. */
  #mapped(user: User, client: ClientFile): JWTPayload {
    const mappers = client.protocolMappers ?? []
    const audiences = mappers
      .filter(({ protocolMapper }) => protocolMapper === 'oidc-audience-mapper')
      .map(({ config }) => config['included.client.audience'] ?? '')
    const groups = mappers.find(({ protocolMapper }) => protocolMapper === 'oidc-group-membership-mapper')
    const paths = [...user.groups].flatMap((id) => {
      const group = this.#realm.groups.get(id)
      if (group === undefined) return []
      return groups?.config['full.path'] === 'true' ? this.#realm.path(group) : group.name
    })
    return {
      aud: audiences.length === 0 ? 'account' : [...audiences, 'account'],
      ...(groups === undefined || paths.length === 0
        ? {}
        : { [groups.config['claim.name'] ?? 'groups']: paths }),
    }
  }

  get #life(): number {
    return this.#realm.file.accessTokenLifespan ?? 300
  }
}

const badGrant = (error_description: string): Refusal =>
  new Refusal(400, { error: 'invalid_grant', error_description })
