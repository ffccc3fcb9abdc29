import { Argument, type Command, InvalidArgumentError } from 'commander'
import { DATABASE_FORMS, parseDatabaseUrl } from '../config/database-url.js'
import type { Overrides } from '../config/settings.js'
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

/** What stands over the file, for every command that reads one. */
export function withOverrides(command: Command): Command {
  return command
    .option('--host <host>', 'instead of `server.host` of the configuration', host)
    .option('--port <port>', 'instead of `server.port`; 0 takes a free one', port)
    .option('--database <url>', 'instead of `database.url`', database)
}

export function withJson(command: Command): Command {
  return command.option('--json', 'answer in JSON')
}

/** The same for `loadDefinition`. */
export function definitionOverrides({ host, port, database }: CommonFlags): Overrides {
  return {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(database === undefined ? {} : { database }),
  }
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

function host(text: string): string {
  if (/^[\w.:%-]+$/.test(text)) return text
  throw new InvalidArgumentError('a host is a name or an address')
}

function database(text: string): string {
  if (parseDatabaseUrl(text, '.') !== null) return text
  throw new InvalidArgumentError(`write ${DATABASE_FORMS}`)
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
