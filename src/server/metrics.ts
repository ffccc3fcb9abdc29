/** What `/metrics` shows (Prometheus text), counted for each runtime by itself. */
import type { Route } from '../controllers/route.js'
import type { Database } from '../managers/database.js'
import type { Metrics } from '../services/core.js'
import { createHistogram, type Histogram, type Metric } from './histogram.js'

export interface ServerMetrics extends Metrics {
  /** One answered request; null: no route was found. */
  request(route: Route | null, status: number, seconds: number): void
  /** Where pool and outbox are asked for their numbers when `/metrics` is read. */
  watch(sources: MetricSources): void
  text(): Promise<{ readonly contentType: string; readonly body: string }>
}

export interface MetricSources {
  readonly database: Pick<Database, 'stats'>
  /** Rows of the outbox; rejects when the database is away. */
  outbox(): Promise<{ readonly waiting: number; readonly failed: number; readonly oldestSeconds: number }>
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function createMetrics(): ServerMetrics {
  const requests = createHistogram<Route | null>({
    name: 'biodm_request_seconds',
    help: 'Time from the arrival of a request to its answer',
    buckets: SECONDS,
    labels: (route, status) => ({
      method: route?.method ?? 'none',
      route: route?.template ?? 'none',
      status,
    }),
  })
  const statements = createHistogram<string>({
    name: 'biodm_statement_seconds',
    help: 'Time of database statements by kind of operation',
    buckets: SECONDS,
    labels: (kind) => ({ kind }),
  })
  const failures = new Map<string, number>()
  let sources: MetricSources | null = null
  return {
    request: (route, status, seconds) => requests.observe(route, status, seconds),
    statement: (kind, seconds) => statements.observe(kind, '', seconds),
    effectFailed: (origin) => failures.set(origin, (failures.get(origin) ?? 0) + 1),
    watch: (given) => {
      sources = given
    },
    text: async () => await render([requests, statements], failures, sources),
  }
}

/** prom-client writes the text; it is loaded when somebody asks for it. */
async function render(
  histograms: readonly Pick<Histogram<never>, 'metric'>[],
  failures: ReadonlyMap<string, number>,
  sources: MetricSources | null,
) {
  const { Registry } = await import('prom-client')
  const registry = new Registry()
  const metrics = [...histograms.map(({ metric }) => metric()), ...(await numbers(failures, sources))]
  for (const metric of metrics) {
    registry.registerMetric({ name: metric.name, get: async () => metric, reset: () => undefined } as never)
  }
  return { contentType: registry.contentType, body: await registry.metrics() }
}

type Values = readonly (readonly [labels: Metric['values'][number]['labels'], value: number])[]

async function numbers(
  failures: ReadonlyMap<string, number>,
  sources: MetricSources | null,
): Promise<readonly Metric[]> {
  const outbox = await sources?.outbox().catch(() => undefined)
  const pool = sources?.database.stats()
  return [
    plain(
      'counter',
      'biodm_effect_failures_total',
      'Jobs, tasks and after-commit effects that failed, by origin',
      [...failures].map(([origin, count]) => [{ origin }, count]),
    ),
    plain(
      'gauge',
      'biodm_pool_connections',
      'Database connections by state; waiting are requests without one',
      byState(pool),
    ),
    plain(
      'gauge',
      'biodm_outbox_rows',
      'Rows of the outbox; failed ones have been tried and are tried again',
      byState(outbox && { waiting: outbox.waiting, failed: outbox.failed }),
    ),
    plain(
      'gauge',
      'biodm_outbox_oldest_seconds',
      'Age of the oldest row of the outbox',
      outbox === undefined ? [] : [[{}, outbox.oldestSeconds]],
    ),
    plain('gauge', 'biodm_process_resident_memory_bytes', 'Resident memory of this process', [
      [{}, process.memoryUsage.rss()],
    ]),
  ]
}

const byState = (states: Readonly<Record<string, number>> | undefined): Values =>
  Object.entries(states ?? {}).map(([state, value]) => [{ state }, value])

const plain = (type: Metric['type'], name: string, help: string, values: Values): Metric => ({
  name,
  help,
  type,
  aggregator: 'sum',
  values: values.map(([labels, value]) => ({ labels, value })),
})
