import { createLog, type Log } from '../log.js'

/** JSON lines on stderr, readable ones on a terminal. `BIODM_LOG_LEVEL`: trace debug info warn error silent. */
export function commandLog(level = process.env['BIODM_LOG_LEVEL'] ?? 'info'): Log {
  return createLog({ level, pretty: process.stderr.isTTY })
}
