/**
 * Signing keys of access tokens: in the store, so that every process and every restart knows them. The newest signs; older
 * ones verify until the last token that they signed has expired.
 */
import { randomBytes } from 'node:crypto'
import type { PluginStore } from 'biodm'

interface StoredKey {
  readonly kid: string
  /** base64url of 32 bytes. */
  readonly secret: string
  /** Milliseconds since the epoch. */
  readonly made: number
}

export interface SigningKey {
  readonly kid: string
  readonly secret: Uint8Array
}

const STORE_KEY = 'signing-keys'
const ROTATE_MS = 30 * 24 * 3600_000
/** A retired key verifies for an hour: longer than any token lives. */
const RETIRED_MS = 3600_000
/** A token of a key that is not known makes the keys be read again, at most this often. */
const RELOAD_MS = 5000

export class SigningKeys {
  readonly #store: PluginStore
  #keys: readonly StoredKey[] = []
  #loaded = 0

  constructor(store: PluginStore) {
    this.#store = store
  }

  async current(): Promise<SigningKey> {
    const [newest] = await this.#known()
    if (newest === undefined) throw new Error('there is no signing key')
    return decoded(newest)
  }

  /** Undefined for a key that nobody signs with any more, or never did. */
  async find(kid: string): Promise<SigningKey | undefined> {
    const find = (keys: readonly StoredKey[]) => keys.find((key) => key.kid === kid)
    let key = find(await this.#known())
    if (key === undefined && Date.now() - this.#loaded >= RELOAD_MS) key = find(await this.#load())
    return key === undefined ? undefined : decoded(key)
  }

  /** Puts a new key first when the newest is old enough; `force`: in any case. Run by one process at a time. */
  async rotate(force = false): Promise<void> {
    const keys = await this.#load()
    const [newest] = keys
    const now = Date.now()
    if (!force && newest !== undefined && now - newest.made < ROTATE_MS) return
    const retired = keys.filter((_, index) => now - (keys[index - 1]?.made ?? now) < RETIRED_MS)
    const next = [made(now), ...retired]
    await this.#store.set(STORE_KEY, next)
    this.#keys = next
  }

  async #known(): Promise<readonly StoredKey[]> {
    return this.#keys.length > 0 ? this.#keys : await this.#load()
  }

  /** Of any number of processes that start at once, one makes the first key. */
  async #load(): Promise<readonly StoredKey[]> {
    const stored = await this.#store.get(STORE_KEY)
    if (stored === undefined) {
      await this.#store.add(STORE_KEY, [made(Date.now())])
      this.#keys = (await this.#store.get(STORE_KEY)) as readonly StoredKey[]
    } else this.#keys = stored as readonly StoredKey[]
    this.#loaded = Date.now()
    return this.#keys
  }
}

const made = (now: number): StoredKey => ({
  kid: randomBytes(8).toString('base64url'),
  secret: randomBytes(32).toString('base64url'),
  made: now,
})

const decoded = ({ kid, secret }: StoredKey): SigningKey => ({
  kid,
  secret: Buffer.from(secret, 'base64url'),
})
