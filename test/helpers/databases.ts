/**
 * Real databases for tests. PostgreSQL: the server that BIODM_TEST_PG names, else one that is started at first use and
 * stopped with the test file. Each database is fresh and dropped with its test.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { DatabaseSettings, DialectName } from '../../src/config/definition.js'
import { silentLog } from '../../src/log.js'
import type { Database } from '../../src/managers/database.js'
import { openDatabase } from '../../src/managers/open.js'
import type { Model } from '../../src/model/model.js'
import { type EmbeddedServer, startPostgres } from './embedded-postgres.mjs'

/** What tests loop over; `BIODM_TEST_DIALECT` narrows it to one. */
export const DIALECTS: readonly DialectName[] = (['sqlite', 'postgres'] as const).filter((dialect) =>
  [undefined, '', dialect].includes(process.env['BIODM_TEST_DIALECT']),
)

/** The part of a tap test that the helpers use. */
export interface Teardown {
  teardown(done: () => unknown): unknown
}

let started: Promise<EmbeddedServer> | undefined

/** URL of a server on which databases may be made. One that was started here stops with the process's last test. */
async function postgresServer(): Promise<string> {
  const given = process.env['BIODM_TEST_PG']
  if (given) return given
  if (started === undefined) {
    started = startPostgres()
    const { default: tap } = await import('tap')
    tap.teardown(async () => (await started)?.stop())
  }
  return (await started).url
}

async function administer(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

/** URL of a fresh database: in memory or, with `file`, on disk for SQLite. */
export async function testDatabaseUrl(
  t: Teardown,
  dialect: DialectName,
  options: { readonly file?: boolean } = {},
): Promise<string> {
  if (dialect === 'sqlite') {
    if (options.file !== true) return 'sqlite::memory:'
    const dir = mkdtempSync(join(tmpdir(), 'biodm-db-'))
    t.teardown(() => rmSync(dir, { recursive: true, force: true }))
    return `sqlite:${join(dir, 'test.db')}`
  }
  const server = await postgresServer()
  const name = `biodm_test_${randomBytes(8).toString('hex')}`
  await administer(server, `CREATE DATABASE "${name}" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'`)
  t.teardown(() => administer(server, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

export function databaseSettings(url: string, pool = 4): DatabaseSettings {
  const dialect = url.startsWith('sqlite:') ? 'sqlite' : 'postgres'
  return { url, dialect, migrate: 'auto', pool: { max: pool } }
}

/** An open, empty database, closed and removed with the test. */
export async function openTestDatabase(
  t: Teardown,
  dialect: DialectName,
  options: {
    readonly file?: boolean
    readonly pool?: number
    readonly timeoutMs?: number
    readonly model?: Model
  } = {},
): Promise<Database> {
  const url = await testDatabaseUrl(t, dialect, options)
  const database = await openDatabase(databaseSettings(url, options.pool), {
    log: silentLog(),
    timeoutMs: options.timeoutMs ?? 30_000,
    ...(options.model === undefined ? {} : { model: options.model }),
  })
  t.teardown(() => database.close())
  return database
}
