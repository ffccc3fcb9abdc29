import t from 'tap'
import type { DialectName } from '../../../src/config/definition.js'
import type { BaseContext } from '../../../src/hooks.js'
import { silentLog } from '../../../src/log.js'
import type { Database } from '../../../src/managers/database.js'
import { migrate } from '../../../src/managers/migrate.js'
import {
  claimJobs,
  insertJobs,
  listJobs,
  outboxStats,
  retryJobs,
  returnJob,
} from '../../../src/managers/outbox.js'
import { createOutboxWorker } from '../../../src/services/outbox/worker.js'
import { DIALECTS, openTestDatabase, type Teardown } from '../../helpers/databases.js'
import { modelOf } from '../../helpers/models.js'

type Run = (payload: unknown) => unknown

const worker = (
  database: Database,
  jobs: Record<string, Run>,
  options: { leaseMs?: number; timeoutMs?: number; graceMs?: number } = {},
) =>
  createOutboxWorker({
    database,
    log: silentLog(),
    metrics: { statement: () => {}, effectFailed: () => {} },
    jobs: new Map(Object.entries(jobs).map(([name, run]) => [name, { plugin: 'x', settings: {}, run }])),
    context: (_job, signal) => ({ signal }) as BaseContext,
    timeoutMs: options.timeoutMs ?? 5_000,
    pollMs: 50,
    ...(options.graceMs === undefined ? {} : { graceMs: options.graceMs }),
    ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
  })

const until = async (condition: () => Promise<boolean> | boolean, limitMs = 10_000): Promise<void> => {
  for (const end = performance.now() + limitMs; performance.now() < end; ) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`it did not happen within ${limitMs} ms`)
}

const ROW = `'x.note', '1', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 0`
const COLUMNS = 'biodm_outbox (job, payload, created_at, run_at, attempts)'

/** 10 000 rows that are due. */
const fill = (dialect: DialectName): string =>
  dialect === 'postgres'
    ? `INSERT INTO ${COLUMNS} SELECT x.job, x.payload, x.at::timestamptz, x.at::timestamptz, 0
        FROM generate_series(1, 10000), (VALUES ('x.note', '1', '2026-01-01T00:00:00.000Z')) AS x(job, payload, at)`
    : `INSERT INTO ${COLUMNS} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        SELECT ${ROW} FROM n`

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const open = async (t: Teardown) => {
      const database = await openTestDatabase(t, dialect)
      await migrate(database, await modelOf({ resources: { Note: {} } }))
      return database
    }

    t.test('jobs run with their payload, each once, and leave', async (t) => {
      const database = await open(t)
      const seen: unknown[] = []
      const running = worker(database, { 'x.note': (payload) => seen.push((payload as { n: number }).n) })
      await insertJobs(
        database,
        Array.from({ length: 200 }, (_, n) => ({ job: 'x.note', payload: JSON.stringify({ n }) })),
      )
      running.start()
      await until(async () => (await outboxStats(database)).waiting === 0)
      await running.stop()
      t.same(
        [...(seen as number[])].sort((a, b) => a - b),
        Array.from({ length: 200 }, (_, n) => n),
      )
    })

    t.test('ten thousand jobs of no work drain at 500 a second or more', async (t) => {
      const database = await open(t)
      let seen = 0
      const running = worker(database, { 'x.note': () => ++seen })
      await database.execute({ text: fill(dialect), values: [] })
      const started = performance.now()
      running.start()
      await until(async () => (await outboxStats(database)).waiting === 0, 20_000)
      t.ok(performance.now() - started < 20_000)
      t.equal(seen, 10_000)
      await running.stop()
    })

    t.test('a stopping worker aborts a job that goes on, and the job stays', async (t) => {
      const database = await open(t)
      const running = worker(database, { 'x.hang': () => new Promise(() => {}) }, { graceMs: 100 })
      await insertJobs(database, [{ job: 'x.hang', payload: 'null' }])
      running.start()
      await until(async () => (await listJobs(database, 1))[0]?.leasedUntil !== null)
      await running.stop()
      t.match(await listJobs(database, 1), [{ leasedUntil: null, lastError: 'the server stops' }])
    })

    t.test('two workers share the jobs and run none twice', async (t) => {
      const database = await open(t)
      const seen: unknown[] = []
      const note: Run = async (payload) => {
        seen.push(payload)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      await insertJobs(
        database,
        Array.from({ length: 300 }, (_, n) => ({ job: 'x.note', payload: String(n) })),
      )
      const pair = [worker(database, { 'x.note': note }), worker(database, { 'x.note': note })]
      for (const each of pair) each.start()
      await until(async () => (await outboxStats(database)).waiting === 0)
      for (const each of pair) await each.stop()
      t.equal(seen.length, 300)
      t.equal(new Set(seen).size, 300)
    })

    t.test('who has lost its lease gives nothing back', async (t) => {
      const database = await open(t)
      await insertJobs(database, [{ job: 'x.note', payload: '1' }])
      const [late] = await claimJobs(database, 'late', -1, 1)
      const [taken] = await claimJobs(database, 'other', 30_000, 1)
      t.match(taken, { id: late?.id, attempts: 2 })
      const failure = { runAt: Date.now() + 60_000, error: 'too late', attempts: 1 }
      await returnJob(database, late?.id ?? 0, failure, 'late')
      t.match(await listJobs(database, 1), [{ attempts: 2, lastError: null }])
      t.same(await claimJobs(database, 'third', 30_000, 1), [], 'it is still the other one’s')
      await returnJob(database, late?.id ?? 0, failure, 'other')
      t.match(await listJobs(database, 1), [{ leasedUntil: null, lastError: 'too late' }])
    })

    t.test('a failing job waits longer each time and keeps its error; retry makes it due', async (t) => {
      const database = await open(t)
      let fail = true
      const running = worker(database, {
        'x.flaky': () => {
          if (fail) throw new Error('the bucket is away')
        },
      })
      await insertJobs(database, [{ job: 'x.flaky', payload: 'null' }])
      running.start()
      await until(async () => (await listJobs(database, 10))[0]?.lastError === 'the bucket is away')
      const [entry] = await listJobs(database, 10)
      t.match(entry, { attempts: 1, leasedUntil: null })
      t.ok(Date.parse(entry?.runAt ?? '') > Date.now() + 300, 'it is not due at once')
      fail = false
      t.equal(await retryJobs(database, null), 1)
      await until(async () => (await outboxStats(database)).waiting === 0)
      await running.stop()
    })

    t.test('a job that hangs is aborted and tried again later', async (t) => {
      const database = await open(t)
      const running = worker(database, { 'x.hang': () => new Promise(() => {}) }, { timeoutMs: 30 })
      await insertJobs(database, [{ job: 'x.hang', payload: 'null' }])
      running.start()
      await until(async () => ((await listJobs(database, 1))[0]?.attempts ?? 0) === 1)
      await until(async () => (await listJobs(database, 1))[0]?.lastError !== null)
      await running.stop()
      t.equal((await outboxStats(database)).failed, 1)
    })

    t.test('an unknown job stays and says why', async (t) => {
      const database = await open(t)
      const running = worker(database, {})
      await insertJobs(database, [{ job: 'gone.job', payload: 'null' }])
      running.start()
      await until(async () => (await listJobs(database, 1))[0]?.lastError != null)
      await running.stop()
      t.match((await listJobs(database, 1))[0]?.lastError, /no loaded plugin declares the job "gone\.job"/)
    })

    t.test('a stopped worker gives back what it had not begun', async (t) => {
      const database = await open(t)
      let begun = 0
      const running = worker(database, {
        'x.slow': async () => {
          begun += 1
          await new Promise((resolve) => setTimeout(resolve, 100))
        },
      })
      await insertJobs(
        database,
        Array.from({ length: 30 }, () => ({ job: 'x.slow', payload: 'null' })),
      )
      running.start()
      await until(() => begun > 0)
      await running.stop()
      const left = await listJobs(database, 100)
      t.equal(left.length + begun, 30)
      t.ok(left.every((entry) => entry.leasedUntil === null && entry.attempts === 0))
    })

    t.test('the rows of a dead process are taken over when its lease has run out', async (t) => {
      const database = await open(t)
      await insertJobs(database, [{ job: 'x.note', payload: '1' }])
      t.equal((await claimJobs(database, 'dead', 300, 10)).length, 1)
      const seen: unknown[] = []
      const alive = worker(database, { 'x.note': (payload) => seen.push(payload) })
      alive.start()
      await new Promise((resolve) => setTimeout(resolve, 100))
      t.same(seen, [])
      await until(() => seen.length === 1)
      await alive.stop()
    })
  })
}
