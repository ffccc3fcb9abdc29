/**
 * The outbox table: effects elsewhere that must happen although the process may die. A row is written in the request's
 * transaction, claimed under a lease by one of several processes, and deleted when its job has run. Times are ISO texts
 * of the process' clock; the lease is long against any sane difference between clocks.
 */
import type { Database, Queryable, Statement } from './database.js'
import { sql } from './sql.js'

export interface OutboxRow {
  readonly id: number
  readonly job: string
  readonly payload: unknown
  /** Attempts so far, this one included. */
  readonly attempts: number
}

export interface OutboxEntry extends OutboxRow {
  readonly createdAt: string
  readonly runAt: string
  readonly leasedUntil: string | null
  readonly lastError: string | null
}

const iso = (ms: number): string => new Date(ms).toISOString()

/** A job to come: its name, and its payload as JSON text. */
export interface NewJob {
  readonly job: string
  readonly payload: string
}

/** Rows of one statement. */
const INSERTED = 2_000

/** Writes jobs in the order given, many at once. */
export async function insertJobs(database: Queryable, jobs: readonly NewJob[]): Promise<void> {
  const now = iso(Date.now())
  const build = sql(database.dialect)
  const time = database.dialect === 'postgres' ? build`${now}::timestamptz` : build`${now}`
  for (let start = 0; start < jobs.length; start += INSERTED) {
    const part = jobs.slice(start, start + INSERTED)
    const rows =
      database.dialect === 'postgres'
        ? build`unnest(${part.map(({ job }) => job)}::text[], ${part.map(({ payload }) => payload)}::text[])
            WITH ORDINALITY AS x(job, payload, place)`
        : build`(SELECT value ->> 0 AS job, value ->> 1 AS payload, key AS place
            FROM json_each(${JSON.stringify(part.map(({ job, payload }) => [job, payload]))})) AS x`
    await database.execute(
      build`INSERT INTO biodm_outbox (job, payload, created_at, run_at, attempts)
        SELECT x.job, x.payload, ${time}, ${time}, 0 FROM ${rows} ORDER BY x.place`,
    )
  }
}

/** Takes up to `limit` due rows that nobody holds, oldest first, and leases them to `owner`. */
export async function claimJobs(
  database: Database,
  owner: string,
  leaseMs: number,
  limit: number,
): Promise<readonly OutboxRow[]> {
  const now = iso(Date.now())
  const until = iso(Date.now() + leaseMs)
  const build = sql(database.dialect)
  const due = build`SELECT id FROM biodm_outbox WHERE run_at <= ${now} AND (leased_until IS NULL OR leased_until < ${now})
    ORDER BY run_at, id LIMIT ${limit}`
  const statement: Statement =
    database.dialect === 'postgres'
      ? build`UPDATE biodm_outbox SET leased_until = ${until}, leased_by = ${owner}, attempts = attempts + 1
          WHERE id IN (${build.append(due, ' FOR UPDATE SKIP LOCKED')}) RETURNING id, job, payload, attempts`
      : build`UPDATE biodm_outbox SET leased_until = ${until}, leased_by = ${owner}, attempts = attempts + 1
          WHERE id IN (${due}) RETURNING id, job, payload, attempts`
  const rows = await database.write(statement)
  return rows
    .map(([id, job, payload, attempts]) => outboxRow({ id, job, payload, attempts }))
    .sort((a, b) => a.id - b.id)
}

/** Keeps the leases of rows that are still being worked on. */
export async function extendLeases(
  database: Queryable,
  owner: string,
  ids: readonly number[],
  leaseMs: number,
): Promise<void> {
  if (ids.length === 0) return
  const build = sql(database.dialect)
  await database.execute(
    build`UPDATE biodm_outbox SET leased_until = ${iso(Date.now() + leaseMs)} WHERE leased_by = ${owner} AND id IN (${build.list(ids)})`,
  )
}

export async function finishJobs(database: Queryable, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  const build = sql(database.dialect)
  await database.execute(build`DELETE FROM biodm_outbox WHERE id IN (${build.list(ids)})`)
}

/**
 * Gives a row back: after a failure with `error` and a later `runAt`, or untouched when the process stops. Nothing happens
 * when another process has taken it over in the meantime.
 */
export async function returnJob(
  database: Queryable,
  id: number,
  outcome: { readonly runAt: number; readonly error: string | null; readonly attempts: number },
  owner: string,
): Promise<void> {
  await database.execute(
    sql(
      database.dialect,
    )`UPDATE biodm_outbox SET leased_until = NULL, leased_by = NULL, run_at = ${iso(outcome.runAt)},
      last_error = ${outcome.error}, attempts = ${outcome.attempts} WHERE id = ${id} AND leased_by = ${owner}`,
  )
}

const KNOWN = {
  postgres: `SELECT to_regclass('biodm_outbox') IS NOT NULL`,
  sqlite: `SELECT count(*) FROM sqlite_master WHERE name = 'biodm_outbox'`,
} as const

/** Whether a server has made the table yet. */
export async function hasOutbox(database: Queryable): Promise<boolean> {
  const [row] = await database.query({ text: KNOWN[database.dialect], values: [] })
  return Number(row?.[0]) === 1
}

/** What waits, oldest first: `biodm outbox`. */
export async function listJobs(database: Queryable, limit: number): Promise<readonly OutboxEntry[]> {
  const rows = await database.rows(
    sql(database.dialect)`SELECT id, job, payload, attempts, created_at, run_at, leased_until, last_error
      FROM biodm_outbox ORDER BY id LIMIT ${limit}`,
  )
  return rows.map((row) => ({
    ...outboxRow(row),
    createdAt: timeText(row['created_at']),
    runAt: timeText(row['run_at']),
    leasedUntil: row['leased_until'] == null ? null : timeText(row['leased_until']),
    lastError: row['last_error'] == null ? null : String(row['last_error']),
  }))
}

/** Makes waiting rows due now; all of them, or those named. Returns how many. */
export async function retryJobs(database: Queryable, ids: readonly number[] | null): Promise<number> {
  const build = sql(database.dialect)
  const now = iso(Date.now())
  return await database.execute(
    ids === null
      ? build`UPDATE biodm_outbox SET run_at = ${now} WHERE leased_until IS NULL OR leased_until < ${now}`
      : build`UPDATE biodm_outbox SET run_at = ${now} WHERE (leased_until IS NULL OR leased_until < ${now}) AND id IN (${build.list(ids)})`,
  )
}

/** For `/metrics`: rows waiting, rows that failed at least once, and the age of the oldest in seconds. */
export async function outboxStats(
  database: Queryable,
): Promise<{ readonly waiting: number; readonly failed: number; readonly oldestSeconds: number }> {
  const [row] = await database.rows({
    text: `SELECT count(*) AS waiting, sum(CASE WHEN last_error IS NULL THEN 0 ELSE 1 END) AS failed,
      min(created_at) AS oldest FROM biodm_outbox`,
    values: [],
  })
  const oldest = row?.['oldest']
  return {
    waiting: Number(row?.['waiting'] ?? 0),
    failed: Number(row?.['failed'] ?? 0),
    oldestSeconds: oldest == null ? 0 : Math.max(0, (Date.now() - Date.parse(timeText(oldest))) / 1000),
  }
}

function outboxRow(row: Record<string, unknown>): OutboxRow {
  const payload = row['payload']
  return {
    id: Number(row['id']),
    job: String(row['job']),
    payload: typeof payload === 'string' ? JSON.parse(payload) : payload,
    attempts: Number(row['attempts']),
  }
}

/** PostgreSQL's `2026-01-02 03:04:05.678+00` as ISO; SQLite's is ISO already. */
function timeText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : new Date(String(value)).toISOString()
}
