/**
 * The outbox worker of one process: claims due rows under a lease, runs their jobs, a few at once, deletes what ran and
 * returns what failed with a later date. At least once: a process that dies in a job leaves its row to the next one, so
 * jobs are idempotent. Nothing is dropped: a job that no plugin declares any more waits, and the log says so.
 */
import { randomUUID } from 'node:crypto'
import { BiodmError } from '../../errors.js'
import type { BaseContext } from '../../hooks.js'
import type { Log } from '../../log.js'
import type { Database } from '../../managers/database.js'
import { claimJobs, extendLeases, finishJobs, type OutboxRow, returnJob } from '../../managers/outbox.js'
import type { Job, Metrics } from '../core.js'
import { bounded } from '../hooks/time.js'
import { backoff } from './backoff.js'

export interface OutboxOptions {
  readonly database: Database
  readonly log: Log
  readonly metrics: Metrics
  readonly jobs: ReadonlyMap<string, Job>
  /** The context of a job, made when it runs. */
  readonly context: (job: Job, signal: AbortSignal) => BaseContext
  /** Longest time of one job, ms. */
  readonly timeoutMs: number
  /** How long a dead process keeps its rows, ms. */
  readonly leaseMs?: number
  readonly concurrency?: number
  /** How often to look for rows that others left, ms. */
  readonly pollMs?: number
  /** How long a stop waits for jobs, ms. */
  readonly graceMs?: number
}

export interface OutboxWorker {
  start(): void
  /** Something was enqueued. */
  wake(): void
  /** Claims nothing more, waits for what runs, gives back the rest. After `graceMs` jobs that still run are aborted. */
  stop(): Promise<void>
}

/** Rows of one claim, and how many done ones are deleted together. */
const BATCH = 64
const FLUSH = 16

export function createOutboxWorker(options: OutboxOptions): OutboxWorker {
  const { database, log, jobs, leaseMs = 30_000, concurrency = 8, pollMs = 2_000 } = options
  const { graceMs = 5_000 } = options
  const owner = randomUUID()
  const stopping = new AbortController()
  const halted = new AbortController()
  const held = new Set<number>()
  let running: Promise<void> | null = null
  let again = false
  let timer: NodeJS.Timeout | null = null
  let lease: NodeJS.Timeout | null = null

  const queue: OutboxRow[] = []
  const finished: number[] = []

  const flush = async (): Promise<void> => {
    const ids = finished.splice(0)
    await finishJobs(database, ids)
    for (const id of ids) held.delete(id)
  }
  const giveBack = async (row: OutboxRow, outcome: Parameters<typeof returnJob>[2]): Promise<void> => {
    held.delete(row.id)
    await returnJob(database, row.id, outcome, owner).catch((error: unknown) =>
      log.warn(
        { job: row.job, id: row.id, err: error },
        'an outbox row could not be returned; its lease will run out',
      ),
    )
  }
  const runJob = async (row: OutboxRow): Promise<void> => {
    const job = jobs.get(row.job)
    if (job === undefined) throw new Error(`no loaded plugin declares the job "${row.job}"`)
    const work = (signal: AbortSignal): unknown => job.run(row.payload, options.context(job, signal))
    await bounded(work, options.timeoutMs, halted.signal, `job ${row.job}`)
  }
  const runRow = async (row: OutboxRow): Promise<void> => {
    try {
      await runJob(row)
      finished.push(row.id)
    } catch (error) {
      options.metrics.effectFailed(row.job)
      log.error(
        { job: row.job, id: row.id, attempts: row.attempts, err: error },
        'outbox job failed; it is tried again',
      )
      const cause = error instanceof BiodmError && error.cause instanceof Error ? error.cause : error
      const message = cause instanceof Error ? cause.message : String(cause)
      await giveBack(row, {
        runAt: Date.now() + backoff(row.attempts),
        error: message.slice(0, 1_000),
        attempts: row.attempts,
      })
      return
    }
    if (finished.length >= FLUSH) await flush()
  }

  /** One claim at a time; the lanes that find the queue empty wait for the same one. */
  let claiming: Promise<void> | null = null
  const refill = (): Promise<void> => {
    claiming ??= claimJobs(database, owner, leaseMs, BATCH)
      .then((rows) => {
        for (const row of rows) held.add(row.id)
        queue.push(...rows)
      })
      .finally(() => {
        claiming = null
      })
    return claiming
  }
  const next = async (): Promise<OutboxRow | undefined> => {
    if (stopping.signal.aborted) return undefined
    if (queue.length === 0) await refill()
    return queue.shift()
  }
  const lane = async (): Promise<void> => {
    for (let row = await next(); row !== undefined; row = await next()) await runRow(row)
  }

  const drain = async (): Promise<void> => {
    do {
      again = false
      const lanes = await Promise.allSettled(Array.from({ length: concurrency }, lane))
      await flush()
      for (const row of queue.splice(0)) {
        await giveBack(row, { runAt: Date.now(), error: null, attempts: row.attempts - 1 })
      }
      const failed = lanes.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    } while (again && !stopping.signal.aborted)
  }

  const kick = (): void => {
    again = true
    if (running !== null || stopping.signal.aborted) return
    running = drain()
      .catch((error: unknown) => log.warn({ err: error }, 'the outbox could not be read; it is tried again'))
      .finally(() => {
        held.clear()
        running = null
      })
  }

  return {
    start() {
      if (timer !== null) return
      timer = setInterval(kick, pollMs)
      timer.unref()
      lease = setInterval(() => {
        extendLeases(database, owner, [...held], leaseMs).catch((error: unknown) =>
          log.warn({ err: error }, 'outbox leases could not be extended'),
        )
      }, leaseMs / 3)
      lease.unref()
      kick()
    },
    wake: kick,
    async stop() {
      stopping.abort()
      if (timer !== null) clearInterval(timer)
      const late = setTimeout(() => halted.abort(new Error('the server stops')), graceMs)
      await running
      clearTimeout(late)
      if (lease !== null) clearInterval(lease)
    },
  }
}
