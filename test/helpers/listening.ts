/** A log that a test can read. */
import type { Log } from '../../src/log.js'
import { silentLog } from '../../src/log.js'

/** Warnings and errors, as text: the message, then what the error says. */
export function listening(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  const line = (facts: unknown, message?: string): void => {
    const { err } = (typeof facts === 'object' && facts !== null ? facts : {}) as { err?: Error }
    lines.push([message ?? String(facts), err?.message ?? ''].join(' '))
  }
  const log = { ...silentLog(), warn: line, error: line } as unknown as Log
  return { log: Object.assign(log, { child: () => log }), lines }
}
