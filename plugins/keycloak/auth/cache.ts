/** Milliseconds for which a verified token is believed without looking again. */
export const BELIEVED = 60_000
const MOST = 5_000

/**
 * Results of verifications by token, so that authentication costs microseconds: at most `MOST`, at most a minute each
 * and never beyond the token's own end. Simultaneous requests with one new token share its verification; failures are
 * not kept.
 */
export class VerifiedTokens<T> {
  readonly #entries = new Map<string, { value: Promise<T> | T; until: number }>()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** `verify` gives the value and the time (ms since the epoch) at which the token ends. */
  get(token: string, verify: () => Promise<{ value: T; end: number }>): Promise<T> | T {
    const known = this.#entries.get(token)
    if (known !== undefined && known.until > this.#now()) return known.value
    const pending = this.#verify(token, verify)
    this.#set(token, pending, this.#now() + BELIEVED)
    return pending
  }

  get size(): number {
    return this.#entries.size
  }

  async #verify(token: string, verify: () => Promise<{ value: T; end: number }>): Promise<T> {
    const started = this.#now()
    try {
      const { value, end } = await verify()
      this.#set(token, value, Math.min(started + BELIEVED, end))
      return value
    } catch (error) {
      this.#entries.delete(token)
      throw error
    }
  }

  #set(token: string, value: Promise<T> | T, until: number): void {
    this.#entries.delete(token)
    this.#entries.set(token, { value, until })
    if (this.#entries.size <= MOST) return
    const oldest = this.#entries.keys().next()
    if (oldest.done !== true) this.#entries.delete(oldest.value)
  }
}
