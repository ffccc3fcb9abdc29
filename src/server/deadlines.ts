/**
 * One time limit for many requests at the price of a set: all have the same length, so the oldest is always first, and a
 * single timer that runs only while something is under way looks at the head.
 */
export interface Deadlines<T> {
  add(item: T): void
  delete(item: T): void
  readonly size: number
  /** Forgets everything and stops the timer. */
  clear(): void
}

export function createDeadlines<T>(limitMs: number, expired: (item: T) => void): Deadlines<T> {
  const started = new Map<T, number>()
  const tick = Math.max(5, Math.min(250, limitMs / 20))
  let timer: NodeJS.Timeout | null = null

  const stop = (): void => {
    if (timer !== null) clearInterval(timer)
    timer = null
  }
  const sweep = (): void => {
    const now = performance.now()
    for (const [item, since] of started) {
      if (now - since < limitMs) break
      started.delete(item)
      expired(item)
    }
    if (started.size === 0) stop()
  }
  return {
    add(item) {
      started.set(item, performance.now())
      timer ??= setInterval(sweep, tick).unref()
    },
    delete: (item) => {
      started.delete(item)
    },
    get size() {
      return started.size
    },
    clear() {
      started.clear()
      stop()
    },
  }
}
