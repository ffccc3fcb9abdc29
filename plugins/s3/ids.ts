/**
 * Ids of uploads: UUIDs that begin with the time (version 7). Indexes of them grow at their end, so that rows made together lie
 * together, and the order of ids is that of time.
 */
import { randomUUID } from 'node:crypto'

/** Ids that share a millisecond. */
const COUNTER = 4096

/** As many ids as asked for, ascending. */
export function timedIds(count: number, ms: number): readonly string[] {
  let start = ''
  return Array.from({ length: count }, (_, index) => {
    const counter = index % COUNTER
    if (counter === 0) start = `${prefix(ms + index / COUNTER)}-7`
    return `${start}${(counter + COUNTER).toString(16).slice(1)}${randomUUID().slice(18)}`
  })
}

/** Less than every id of this millisecond, more than those before. */
export const firstId = (ms: number): string => `${prefix(ms)}-0000-0000-000000000000`

/** `01234567-89ab` */
function prefix(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}
