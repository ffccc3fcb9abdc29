import type { ConfigError } from '../config/diagnostics.js'
import type { MigrationRefused } from '../managers/migrate.js'

/** Exit codes: fine, it failed, it was called wrongly. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const

/** Where a command writes: results to `out`, everything else to `err`. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

/** The process's own streams. A reader that goes away early (`| head`) is no failure. */
export function terminal(): Output {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(EXIT.ok)
  })
  return {
    out: (text) => process.stdout.write(`${text}\n`),
    err: (text) => process.stderr.write(`${text}\n`),
  }
}

/** What a failed command says: never a stack trace. */
export function explain(error: unknown, json: boolean): string {
  if (isA<ConfigError>(error, 'ConfigError')) {
    return json ? JSON.stringify({ ok: false, problems: error.diagnostics }) : error.format()
  }
  const message = messageOf(error)
  return json ? JSON.stringify({ ok: false, message }) : `biodm: ${message}`
}

function messageOf(error: unknown): string {
  if (isA<MigrationRefused>(error, 'MigrationRefused')) {
    const steps = error.plan.destructive.map((step) => `  ${step.description}`)
    const way = 'Look at it with `biodm migrate --dry-run`, and see its --allow-destructive'
    return steps.length === 0 ? error.message : [error.message, ...steps, way].join('\n')
  }
  if (!(error instanceof Error)) return String(error)
  const { code, syscall, port, address } = error as NodeJS.ErrnoException & {
    port?: number
    address?: string
  }
  if (syscall === 'listen' && code === 'EADDRINUSE')
    return `port ${port} of ${address} is taken: choose another one with --port`
  if (syscall === 'listen' && code === 'EACCES')
    return `port ${port} needs rights that this user does not have`
  const cause =
    error.cause instanceof Error && !error.message.includes(error.cause.message)
      ? `: ${error.cause.message}`
      : ''
  return error.message + cause
}

/** By name: the classes need not be loaded to say that an option is wrong. */
const isA = <E extends Error>(error: unknown, name: E['name']): error is E =>
  error instanceof Error && error.name === name
