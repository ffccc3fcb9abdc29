const FIRST = 1_000
const LAST = 3_600_000

/** Milliseconds until the next attempt: 1 s, 2 s, 4 s … at most an hour, less up to a tenth so that crowds spread. */
export function backoff(attempts: number, random: () => number = Math.random): number {
  const full = Math.min(LAST, FIRST * 2 ** Math.min(attempts - 1, 12))
  return Math.round(full * (1 - random() / 10))
}
