/** What `/metrics` shows (Prometheus text), in a registry of its own for each runtime. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { Route } from '../controllers/route.js'
import type { Database } from '../managers/database.js'
import type { Metrics } from '../services/core.js'
import { createHistogram } from './histogram.js'

export interface ServerMetrics extends Metrics {
  /** One answered request; null: no route was found. */
  request(route: Route | null, status: number, seconds: number): void
  /** Where pool and outbox are asked for their numbers when `/metrics` is read. */
  watch(sources: MetricSources): void
  text(): Promise<{ readonly contentType: string; readonly body: string }>
}

export interface MetricSources {
  readonly database: Database
  /** Rows of the outbox; rejects when the database is away. */
  outbox(): Promise<{ readonly waiting: number; readonly failed: number }>
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function createMetrics(): ServerMetrics {
  const registry = new Registry()
  const registers = [registry]
  const requests = createHistogram<Route | null>({
    name: 'biodm_request_seconds',
    help: 'Time from the arrival of a request to its answer',
    buckets: SECONDS,
    labels: (route, status) => ({
      method: route?.method ?? 'none',
      route: route?.template ?? 'none',
      status,
    }),
    registry,
  })
  const statements = createHistogram<string>({
    name: 'biodm_statement_seconds',
    help: 'Time of database statements by kind of operation',
    buckets: SECONDS,
    labels: (kind) => ({ kind }),
    registry,
  })
  const failures = new Counter({
    name: 'biodm_effect_failures_total',
    help: 'Jobs, tasks and after-commit effects that failed, by origin',
    labelNames: ['origin'],
    registers,
  })
  let sources: MetricSources | null = null
  gauges(registers, () => sources)
  return {
    request: (route, status, seconds) => requests.observe(route, status, seconds),
    statement: (kind, seconds) => statements.observe(kind, '', seconds),
    effectFailed: (origin) => failures.inc({ origin }),
    watch: (given) => {
      sources = given
    },
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

/** Numbers that are read when somebody asks. */
function gauges(registers: Registry[], sources: () => MetricSources | null): void {
  new Gauge({
    name: 'biodm_pool_connections',
    help: 'Database connections by state; waiting are requests without one',
    labelNames: ['state'],
    registers,
    collect() {
      const stats = sources()?.database.stats()
      if (stats === undefined) return
      this.set({ state: 'used' }, stats.used)
      this.set({ state: 'idle' }, stats.idle)
      this.set({ state: 'waiting' }, stats.waiting)
    },
  })
  new Gauge({
    name: 'biodm_outbox_rows',
    help: 'Rows of the outbox; failed have been tried at least once',
    labelNames: ['state'],
    registers,
    async collect() {
      const rows = await sources()
        ?.outbox()
        .catch(() => undefined)
      if (rows === undefined) return
      this.set({ state: 'waiting' }, rows.waiting)
      this.set({ state: 'failed' }, rows.failed)
    },
  })
  new Gauge({
    name: 'biodm_process_resident_memory_bytes',
    help: 'Resident memory of this process',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
}
