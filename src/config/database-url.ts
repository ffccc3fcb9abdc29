/** Addresses of databases: `sqlite:<path>`, `sqlite::memory:`, `postgres://…`. */
import { resolve } from 'node:path'
import type { DatabaseSettings } from './definition.js'

/** For messages. */
export const DATABASE_FORMS =
  '`sqlite:<path>`, `sqlite::memory:` or `postgres://user:password@host:port/name`'

/** `base`: folder that a relative path starts from. null: not the address of a database. */
export function parseDatabaseUrl(
  url: string,
  base: string,
): Pick<DatabaseSettings, 'url' | 'dialect'> | null {
  if (url === 'sqlite::memory:') return { url, dialect: 'sqlite' }
  const file = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(url)?.[1]
  if (file !== undefined && !file.startsWith(':') && !file.includes('\0'))
    return { url: `sqlite:${resolve(base, file)}`, dialect: 'sqlite' }
  return /^postgres(ql)?:\/\//.test(url) && URL.canParse(url) ? { url, dialect: 'postgres' } : null
}
