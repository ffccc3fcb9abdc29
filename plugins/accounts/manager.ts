/** What the plugin keeps while the server runs: `ctx.managers.accounts`. */
import { type BaseContext, BiodmError, type RuntimeTools } from 'biodm'
import type { Model, ModelClass } from 'objection'
import { Attempts } from './attempts.js'
import { SigningKeys } from './keys.js'
import { Passwords } from './passwords.js'
import { digest, Sessions } from './sessions.js'
import { AccessTokens, LIFETIME_S } from './tokens.js'

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  /** Seconds. */
  readonly expires_in: number
}

interface StoredUser {
  readonly passwordHash: string | null
  readonly groups: readonly string[]
}

export class Accounts {
  readonly passwords = new Passwords()
  readonly keys: SigningKeys
  readonly tokens: AccessTokens
  readonly attempts: Attempts
  readonly #sessions: Sessions
  readonly #runtime: RuntimeTools

  constructor(runtime: RuntimeTools) {
    this.#runtime = runtime
    this.keys = new SigningKeys(runtime.store)
    this.tokens = new AccessTokens(this.keys, runtime.adminGroup)
    this.attempts = new Attempts(runtime.store)
    this.#sessions = new Sessions(runtime.store)
  }

  /** 401 `invalid_credentials` for an unknown user and for a wrong password alike; 429 after too many of either. */
  async login(username: string, password: string, ip: string): Promise<Tokens> {
    let user: StoredUser | null = null
    const succeeded = await this.attempts.run([nameSubject(username), `ip ${ip}`], async () => {
      user = await this.#find(username)
      return await this.passwords.verify(password, user?.passwordHash ?? null)
    })
    const known = user as StoredUser | null
    if (!succeeded || known?.passwordHash == null) {
      throw new BiodmError('invalid_credentials', 'The user name or the password is wrong')
    }
    return await this.#answer(
      username,
      known.groups,
      await this.#sessions.begin(username, known.passwordHash),
    )
  }

  /** New tokens with the groups of now. */
  async refresh(token: string): Promise<Tokens> {
    const redeemed = await this.#sessions.redeem(token)
    const user = redeemed === null ? null : await this.#find(redeemed.username)
    if (redeemed === null || user?.passwordHash == null) throw expired()
    if (digest(user.passwordHash) !== redeemed.fingerprint) {
      await this.#sessions.end(redeemed.family)
      throw expired()
    }
    return await this.#answer(redeemed.username, user.groups, await this.#sessions.continue(redeemed))
  }

  async logout(token: string): Promise<void> {
    await this.#sessions.revoke(token)
  }

  async #answer(username: string, groups: readonly string[], refresh: string): Promise<Tokens> {
    return {
      access_token: await this.tokens.issue(username, groups),
      refresh_token: refresh,
      expires_in: LIFETIME_S,
    }
  }

  async #find(username: string): Promise<StoredUser | null> {
    return await this.#runtime.transaction(async ({ models }) => {
      const User = models['User'] as unknown as ModelClass<UserRow>
      const user = await User.query().findById(username).select('password_hash')
      if (user === undefined) return null
      const groups = (await User.relatedQuery('groups').for(username).select('path')) as unknown as GroupRow[]
      return { passwordHash: user.password_hash, groups: groups.map(({ path }) => path).sort() }
    })
  }
}

interface UserRow extends Model {
  readonly password_hash: string | null
}

interface GroupRow {
  readonly path: string
}

/** Whom failures of a name are counted for. */
export const nameSubject = (username: string): string => `name ${username}`

const expired = (): BiodmError =>
  new BiodmError('invalid_token', 'The refresh token is not valid any more; log in again')

export function accountsOf(ctx: Pick<BaseContext, 'managers'>): Accounts {
  const accounts = ctx.managers['accounts']
  if (accounts instanceof Accounts) return accounts
  throw new BiodmError('unavailable', 'The accounts are not ready yet', { headers: { 'Retry-After': '1' } })
}
