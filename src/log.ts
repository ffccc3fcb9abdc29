import { type Logger, pino } from 'pino'

/** The logger given to every part: pino's, one JSON line an event on stderr. Secrets never go in. */
export type Log = Logger

/** `pretty` is for terminals. Writing is synchronous: a line logged before a crash is there. */
export function createLog(options: { level?: string; pretty?: boolean } = {}): Log {
  const level = options.level ?? 'info'
  if (options.pretty === true) {
    return pino({ level, transport: { target: 'pino-pretty', options: { destination: 2, colorize: true } } })
  }
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }))
}

/** For embedding and tests that do not ask for logs. */
export function silentLog(): Log {
  return pino({ level: 'silent' })
}
