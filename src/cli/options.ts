import { Argument, type Command, InvalidArgumentError } from 'commander'
import type { RuntimeOverrides } from '../runtime.js'

/** What every command that reads a configuration takes. */
export interface CommonFlags {
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly json?: boolean
}

export const DEFAULT_CONFIG = 'biodm.yaml'

export const configArgument = (): Argument =>
  new Argument('[config]', 'the configuration').default(DEFAULT_CONFIG)

export function withDatabase(command: Command): Command {
  return command.option('--database <url>', 'instead of `database.url` of the configuration')
}

export function withAddress(command: Command): Command {
  return command
    .option('--host <host>', 'instead of `server.host`')
    .option('--port <port>', 'instead of `server.port`; 0 takes a free one', port)
}

export function withJson(command: Command): Command {
  return command.option('--json', 'answer in JSON')
}

export function overridesOf(flags: CommonFlags): RuntimeOverrides {
  const { host, port: wanted, database } = flags
  return {
    server: {
      ...(host === undefined ? {} : { host }),
      ...(wanted === undefined ? {} : { port: wanted }),
    },
    ...(database === undefined ? {} : { database: { url: database } }),
  }
}

export function port(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (value <= 65_535) return value
  throw new InvalidArgumentError('a port is a number from 0 to 65535')
}

export function count(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (value >= 1) return value
  throw new InvalidArgumentError('give a number from 1')
}

export function ids(text: string): readonly number[] {
  const list = text.split(',').map(Number)
  if (list.every((id) => Number.isSafeInteger(id) && id > 0)) return list
  throw new InvalidArgumentError('give the numbers of outbox rows: 1,2,3')
}
