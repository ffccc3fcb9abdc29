/**
 * Failed logins, counted in the store by name and by address. An attempt takes its place in the count before the password
 * is looked at and gives it back when it was right, so that all processes together allow ten failures and not one more.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { BiodmError, type PluginStore } from 'biodm'
import { digest } from './sessions.js'

export const MAX_FAILURES = 10
export const WINDOW_MS = 15 * 60_000
/** How long an attempt waits for others, elsewhere, that have taken the last places and may give them back. */
const WAIT_MS = 10_000
const LOOK_MS = 50

/** A place in the count of a name or an address. Each window has counters of its own. */
interface Place {
  readonly key: string
  /** End of the window, milliseconds since the epoch. */
  readonly until: number
}

export class Attempts {
  readonly #store: PluginStore
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(store: PluginStore) {
    this.#store = store
  }

  /**
   * Runs `attempt` unless there were too many failures, which is 429 `rate_limited` whatever the password. `attempt` says
   * whether it succeeded; one that throws is no failure. Attempts of one name or address run one after another in a process.
   */
  async run(subjects: readonly string[], attempt: () => Promise<boolean>): Promise<boolean> {
    const keys = [...subjects].sort().map((subject) => digest(subject))
    return await this.#inTurn(keys, async () => {
      const places: Place[] = []
      let failed = false
      try {
        for (const key of keys) places.push(await this.#take(key))
        failed = !(await attempt())
      } finally {
        for (const place of places) await this.#count(place, failed)
      }
      return !failed
    })
  }

  async #take(key: string): Promise<Place> {
    const end = Date.now() + WAIT_MS
    for (;;) {
      const place = { key, until: await this.#window(key) }
      const { attempts, failures } = countersOf(place)
      const taken = await this.#store.increment(attempts, { max: MAX_FAILURES, expiresAt: place.until })
      if (taken !== undefined) return place
      const known = Number((await this.#store.get(failures)) ?? 0)
      if (known >= MAX_FAILURES || Date.now() >= end) throw refused(place)
      await sleep(LOOK_MS)
    }
  }

  /** A failure keeps its place until the window ends. */
  async #count(place: Place, failed: boolean): Promise<void> {
    const { attempts, failures } = countersOf(place)
    const expiresAt = place.until
    if (failed) await this.#store.increment(failures, { expiresAt })
    else await this.#store.increment(attempts, { by: -1, expiresAt })
  }

  /** The window that is open; the first attempt opens it. */
  async #window(key: string): Promise<number> {
    const name = `until:${key}`
    const open = await this.#store.get(name)
    if (typeof open === 'number') return open
    const expiresAt = Date.now() + WINDOW_MS
    await this.#store.add(name, expiresAt, { expiresAt })
    return Number((await this.#store.get(name)) ?? expiresAt)
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

const countersOf = ({ key, until }: Place) => ({
  attempts: `attempts:${key}:${until}`,
  failures: `failures:${key}:${until}`,
})

function refused({ until }: Place): BiodmError {
  const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1000))
  return new BiodmError('rate_limited', 'Too many failed attempts; try again later', {
    headers: { 'Retry-After': String(seconds) },
  })
}
