/**
 * `biodm_store`: small durable values that all processes share, one namespace a plugin (signing keys, login states,
 * counters). Expired entries read as absent; `sweep` removes them. Each call is one statement, so that of any number of
 * processes exactly one `add` succeeds and exactly one `take` gets the value.
 */
import type { CounterOptions, PluginStore } from '../plugin.js'
import type { Database } from './database.js'
import { sql } from './sql.js'

/** A counter's greatest value. */
const MOST = 2 ** 31 - 1

const iso = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString())

export function createStore(database: Database, namespace: string): PluginStore {
  const build = sql(database.dialect)
  const now = (): string => new Date().toISOString()
  const alive = () => build`(expires_at IS NULL OR expires_at > ${now()})`
  const first = async (statement: ReturnType<typeof build>): Promise<unknown> => {
    const [row] = await database.rows(statement)
    return row === undefined ? undefined : parse(row['value'])
  }
  const written = async (statement: ReturnType<typeof build>): Promise<unknown> => {
    const [row] = await database.write(statement)
    return row === undefined ? undefined : parse(row[0])
  }
  return {
    get: (key) =>
      first(
        build`SELECT value FROM biodm_store WHERE namespace = ${namespace} AND key = ${key} AND ${alive()}`,
      ),
    take: (key) =>
      written(
        build`DELETE FROM biodm_store WHERE namespace = ${namespace} AND key = ${key} AND ${alive()} RETURNING value`,
      ),
    async set(key, value, options = {}) {
      await database.execute(build`INSERT INTO biodm_store (namespace, key, value, expires_at)
        VALUES (${namespace}, ${key}, ${JSON.stringify(value)}, ${iso(options.expiresAt)})
        ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`)
    },
    async add(key, value, options = {}) {
      const changed = await database.execute(build`INSERT INTO biodm_store (namespace, key, value, expires_at)
        VALUES (${namespace}, ${key}, ${JSON.stringify(value)}, ${iso(options.expiresAt)})
        ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
        WHERE biodm_store.expires_at IS NOT NULL AND biodm_store.expires_at <= ${now()}`)
      return changed > 0
    },
    increment: (async (key: string, options: CounterOptions & { max?: number } = {}) => {
      const { by = 1, max, expiresAt } = options
      if (max !== undefined && by > max) return undefined
      const at = now()
      const expired = build`biodm_store.expires_at <= ${at}`
      const sum = build`CAST(biodm_store.value AS integer) + CAST(excluded.value AS integer)`
      const value = await written(build`INSERT INTO biodm_store (namespace, key, value, expires_at)
        VALUES (${namespace}, ${key}, ${JSON.stringify(by)}, ${iso(expiresAt)})
        ON CONFLICT (namespace, key) DO UPDATE SET
          value = CASE WHEN ${expired} THEN excluded.value ELSE CAST(${sum} AS text) END,
          expires_at = CASE WHEN ${expired} THEN excluded.expires_at ELSE biodm_store.expires_at END
        WHERE ${max ?? MOST} >= CASE WHEN ${expired} THEN CAST(excluded.value AS integer) ELSE ${sum} END
        RETURNING value`)
      return value === undefined ? undefined : Number(value)
    }) as PluginStore['increment'],
    async delete(key) {
      await database.execute(build`DELETE FROM biodm_store WHERE namespace = ${namespace} AND key = ${key}`)
    },
  }
}

export async function sweepStore(database: Database): Promise<number> {
  return await database.execute(
    sql(
      database.dialect,
    )`DELETE FROM biodm_store WHERE expires_at IS NOT NULL AND expires_at <= ${new Date().toISOString()}`,
  )
}

function parse(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value
}
