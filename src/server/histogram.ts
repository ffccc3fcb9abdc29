/** A histogram whose series are found by object, not by hashing labels: requests are counted at the price of two look-ups. */
export interface Histogram<Subject> {
  observe(subject: Subject, value: string | number, seconds: number): void
  /** As it is now. */
  metric(): Metric
}

/** A metric in the form that prom-client renders. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'histogram' | 'counter' | 'gauge'
  readonly aggregator: 'sum'
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string | number>>
    readonly value: number
    readonly metricName?: string
  }[]
}

interface Series {
  readonly labels: Readonly<Record<string, string | number>>
  readonly counts: Float64Array
  sum: number
  count: number
}

export interface HistogramOptions<Subject> {
  readonly name: string
  readonly help: string
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[]
  /** Labels of a series; asked once for each. */
  readonly labels: (subject: Subject, value: string | number) => Readonly<Record<string, string | number>>
}

/** One series for each pair of a subject and a value that is ever observed: both must come from bounded sets. */
export function createHistogram<Subject>(options: HistogramOptions<Subject>): Histogram<Subject> {
  const { name, help, buckets } = options
  const subjects = new Map<Subject, Map<string | number, Series>>()
  const all: Series[] = []

  const make = (subject: Subject, value: string | number): Series => {
    const counts = new Float64Array(buckets.length + 1)
    const series: Series = { labels: options.labels(subject, value), counts, sum: 0, count: 0 }
    const known = subjects.get(subject) ?? new Map<string | number, Series>()
    subjects.set(subject, known.set(value, series))
    all.push(series)
    return series
  }
  return {
    observe(subject, value, seconds) {
      const series = subjects.get(subject)?.get(value) ?? make(subject, value)
      let bucket = 0
      while (seconds > (buckets[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1
      series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
      series.sum += seconds
      series.count += 1
    },
    metric: () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: all.flatMap((series) => valuesOf(name, buckets, series)),
    }),
  }
}

/** Cumulative, as Prometheus wants them. */
function valuesOf(name: string, buckets: readonly number[], { labels, counts, sum, count }: Series) {
  let below = 0
  const cumulative = [...buckets, '+Inf'].map((le, index) => {
    below += counts[index] ?? 0
    return { labels: { le, ...labels }, value: below, metricName: `${name}_bucket` }
  })
  return [
    ...cumulative,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ]
}
