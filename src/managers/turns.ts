import { BiodmError } from '../errors.js'

/** Nobody waits longer than this while nothing moves. */
const STALLED_MS = 2_000

interface Waiter {
  readonly admit: () => void
  readonly refuse: (error: unknown) => void
}

/**
 * Lets `places` in at once, by default one, and serves those who wait in order. While the queue moves everybody is
 * served; when nobody leaves for two seconds, those who wait are refused with 503.
 */
export class Turns {
  readonly #places: number
  readonly #waiting: Waiter[] = []
  #taken = 0
  #stalled: NodeJS.Timeout | undefined

  constructor(places = 1) {
    this.#places = places
  }

  get taken(): number {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Resolves with the function that lets the next one in; calling it again does nothing. */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    if (this.#taken < this.#places) this.#taken++
    else await this.#wait(signal)
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#next()
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal?.reason)
      }
      const waiter: Waiter = {
        admit: () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
        refuse: (error) => {
          signal?.removeEventListener('abort', abort)
          reject(error)
        },
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(waiter)
      this.#watch()
    })
  }

  #watch(): void {
    if (this.#stalled !== undefined) return
    this.#stalled = setTimeout(() => {
      this.#stalled = undefined
      const error = new BiodmError('unavailable', 'The database is busy with other requests; try again.', {
        headers: { 'Retry-After': '1' },
      })
      for (const waiter of this.#waiting.splice(0)) waiter.refuse(error)
    }, STALLED_MS)
  }

  /** The next waiter takes over without the place being free in between. */
  #next(): void {
    clearTimeout(this.#stalled)
    this.#stalled = undefined
    const waiter = this.#waiting.shift()
    if (waiter === undefined) {
      this.#taken--
      return
    }
    if (this.#waiting.length > 0) this.#watch()
    waiter.admit()
  }
}
