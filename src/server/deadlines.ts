/**
 * One time limit for many requests at the price of a few pointers: all have the same length, so the oldest is always first,
 * and a single timer that runs only while something is under way looks at the head.
 */
export interface Deadlines<T extends Timed<T>> {
  /** Starts the clock of an item that has none. */
  add(item: T): void
  /** Stops it; more calls do nothing. */
  delete(item: T): void
  readonly size: number
  /** Forgets everything and stops the timer. */
  clear(): void
}

/** An item that can be timed: `timing` is ours, null while no clock runs. */
export interface Timed<T> {
  timing: Timing<T> | null
}

/** A place in the list of what is under way, the oldest first. */
interface Timing<T> {
  readonly item: T
  readonly since: number
  before: Timing<T> | null
  after: Timing<T> | null
}

export function createDeadlines<T extends Timed<T>>(
  limitMs: number,
  expired: (item: T) => void,
): Deadlines<T> {
  const tick = Math.max(5, Math.min(250, limitMs / 20))
  let first: Timing<T> | null = null
  let last: Timing<T> | null = null
  let size = 0
  let timer: NodeJS.Timeout | null = null

  const stop = (): void => {
    if (timer !== null) clearInterval(timer)
    timer = null
  }
  const remove = (item: T): void => {
    const { timing } = item
    if (timing === null) return
    const { before, after } = timing
    if (before === null) first = after
    else before.after = after
    if (after === null) last = before
    else after.before = before
    item.timing = null
    size -= 1
  }
  const sweep = (): void => {
    const now = performance.now()
    while (first !== null && now - first.since >= limitMs) {
      const { item } = first
      remove(item)
      expired(item)
    }
    if (first === null) stop()
  }
  return {
    add(item) {
      const timing: Timing<T> = { item, since: performance.now(), before: last, after: null }
      if (last === null) first = timing
      else last.after = timing
      last = timing
      item.timing = timing
      size += 1
      timer ??= setInterval(sweep, tick).unref()
    },
    delete: remove,
    get size() {
      return size
    },
    clear() {
      while (first !== null) remove(first.item)
      stop()
    },
  }
}
