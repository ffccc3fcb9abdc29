/**
 * Refresh tokens: 30 days, each good for one use. A login begins a family; whoever uses a token a second time, thief or
 * owner, ends it. Only hashes are stored.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { PluginStore } from 'biodm'

const LIFETIME_MS = 30 * 24 * 3600_000

interface Family {
  readonly username: string
  /** Of the user's password hash at login: a changed password, or a deleted user, ends all of the user's families. */
  readonly fingerprint: string
}

/** `null`: not a live token. */
export type Redeemed = {
  readonly family: string
  readonly username: string
  readonly fingerprint: string
} | null

export class Sessions {
  readonly #store: PluginStore

  constructor(store: PluginStore) {
    this.#store = store
  }

  async begin(username: string, passwordHash: string): Promise<string> {
    const family = randomBytes(16).toString('base64url')
    const value: Family = { username, fingerprint: digest(passwordHash) }
    await this.#store.set(familyKey(family), value, { expiresAt: Date.now() + LIFETIME_MS })
    return await this.#token(family)
  }

  /** Uses a token up. Of any number of simultaneous uses one succeeds, and the others end the family. */
  async redeem(token: string): Promise<Redeemed> {
    const family = familyOf(token)
    if (family === null) return null
    const used = await this.#store.take(tokenKey(token))
    if (used === undefined) {
      await this.end(family)
      return null
    }
    const found = (await this.#store.get(familyKey(family))) as Family | undefined
    return found === undefined ? null : { family, ...found }
  }

  /** The next token of a family, which lives on for 30 days. */
  async continue(redeemed: NonNullable<Redeemed>): Promise<string> {
    return await this.#token(redeemed.family)
  }

  async end(family: string): Promise<void> {
    await this.#store.delete(familyKey(family))
  }

  /** Ends the family of a token, if it is one that was issued. */
  async revoke(token: string): Promise<void> {
    const family = familyOf(token)
    if (family === null) return
    await this.#store.delete(tokenKey(token))
    await this.end(family)
  }

  async #token(family: string): Promise<string> {
    const token = `${family}.${randomBytes(32).toString('base64url')}`
    await this.#store.set(tokenKey(token), true, { expiresAt: Date.now() + LIFETIME_MS })
    return token
  }
}

export const digest = (text: string): string => createHash('sha256').update(text).digest('base64url')

const familyKey = (family: string): string => `family:${family}`
const tokenKey = (token: string): string => `refresh:${digest(token)}`

function familyOf(token: string): string | null {
  const [, family] = /^([\w-]{22})\.[\w-]{43}$/.exec(token) ?? []
  return family ?? null
}
