import type { Log } from 'biodm'

/** Milliseconds between two warnings of the same words. */
const PAUSE = 60_000

export type Warn = (message: string, details: object) => void

/** Warns at most once a minute for each message: what clients cause must not fill the log. */
export function createThrottle(log: Log, now: () => number = Date.now): Warn {
  const last = new Map<string, number>()
  return (message, details) => {
    if (now() - (last.get(message) ?? Number.NEGATIVE_INFINITY) < PAUSE) return
    last.set(message, now())
    log.warn(details, message)
  }
}
