import type { DatabaseSettings } from '../config/definition.js'
import type { Log } from '../log.js'
import type { Model } from '../model/model.js'
import { constraintCatalog } from './constraints.js'
import type { Database } from './database.js'
import { openPostgres } from './postgres.js'
import { openSqlite } from './sqlite.js'

export interface OpenOptions {
  readonly log: Log
  /** Limit of one statement in milliseconds: 504 beyond it. */
  readonly timeoutMs: number
  /** With it, errors name the fields of a violated constraint. */
  readonly model?: Model
}

/**
 * The database that the settings name. PostgreSQL is not connected yet: it may be away when the server starts. A SQLite
 * file is made, with its folder, when it does not exist.
 */
export async function openDatabase(settings: DatabaseSettings, options: OpenOptions): Promise<Database> {
  const { log, timeoutMs, model } = options
  const shared = { log, timeoutMs, ...(model === undefined ? {} : { constraints: constraintCatalog(model) }) }
  return settings.dialect === 'postgres' ? openPostgres(settings, shared) : openSqlite(settings, shared)
}
