import { existsSync } from 'node:fs'
import type { DatabaseSettings } from '../config/definition.js'
import type { Log } from '../log.js'
import type { Model } from '../model/model.js'
import { constraintCatalog } from './constraints.js'
import type { Database } from './database.js'

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
  // Each driver is some fifty modules: only the one that is needed is loaded.
  if (settings.dialect === 'postgres') {
    const { openPostgres } = await import('./postgres.js')
    return openPostgres(settings, shared)
  }
  const { openSqlite } = await import('./sqlite.js')
  return openSqlite(settings, shared)
}

/** Path of the SQLite file that is missing; null when there is one, or none is needed. */
export function absentFile({ dialect, url }: DatabaseSettings): string | null {
  const path = url.slice('sqlite:'.length)
  return dialect !== 'sqlite' || path === ':memory:' || existsSync(path) ? null : path
}

/** The same for commands that only look: a SQLite file that does not exist is not made, but is an empty database in memory. */
export function openToLook(settings: DatabaseSettings, options: OpenOptions): Promise<Database> {
  const absent = absentFile(settings) !== null
  return openDatabase(absent ? { ...settings, url: 'sqlite::memory:' } : settings, options)
}
