/**
 * Failed logins, counted in the store by name and by address. Attempts of one name or address run one after another in a
 * process, so that a burst cannot slip past the count.
 */
import { BiodmError, type PluginStore } from 'biodm'
import { digest } from './sessions.js'

export const MAX_FAILURES = 10
export const WINDOW_MS = 15 * 60_000

export class Attempts {
  readonly #store: PluginStore
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(store: PluginStore) {
    this.#store = store
  }

  /**
   * Runs `attempt` unless there were too many failures, which is 429 `rate_limited` whatever the password. `attempt` says
   * whether it succeeded.
   */
  async run(subjects: readonly string[], attempt: () => Promise<boolean>): Promise<boolean> {
    const keys = [...subjects].sort().map((subject) => digest(subject))
    return await this.#inTurn(keys, async () => {
      for (const key of keys) await this.#refuse(key)
      const succeeded = await attempt()
      if (!succeeded) for (const key of keys) await this.#fail(key)
      return succeeded
    })
  }

  async #refuse(key: string): Promise<void> {
    const failures = Number((await this.#store.get(`failures:${key}`)) ?? 0)
    if (failures < MAX_FAILURES) return
    const until = Number((await this.#store.get(`until:${key}`)) ?? Date.now() + WINDOW_MS)
    const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1000))
    throw new BiodmError('rate_limited', 'Too many failed attempts; try again later', {
      headers: { 'Retry-After': String(seconds) },
    })
  }

  async #fail(key: string): Promise<void> {
    const expiresAt = Date.now() + WINDOW_MS
    await this.#store.add(`until:${key}`, expiresAt, { expiresAt })
    await this.#store.increment(`failures:${key}`, { expiresAt })
  }

  /** Waits for earlier attempts of each key; keys come sorted, so that no two wait for each other. */
  async #inTurn<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = Promise.all(keys.map((key) => this.#turns.get(key)))
    const mine = before.then(work)
    const settled = mine.catch(() => undefined)
    for (const key of keys) this.#turns.set(key, settled)
    try {
      return await mine
    } finally {
      for (const key of keys) if (this.#turns.get(key) === settled) this.#turns.delete(key)
    }
  }
}
