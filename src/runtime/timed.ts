import type { Database } from '../managers/database.js'
import type { Metrics } from '../services/core.js'

/** The database with its transactions and single writes timed; reads are timed by kind where they are planned. */
export function timed(database: Database, metrics: Metrics): Database {
  const watch = async <T>(kind: string, work: Promise<T>): Promise<T> => {
    const started = performance.now()
    try {
      return await work
    } finally {
      metrics.statement(kind, (performance.now() - started) / 1_000)
    }
  }
  return {
    dialect: database.dialect,
    query: (statement) => database.query(statement),
    rows: (statement) => database.rows(statement),
    execute: (statement) => database.execute(statement),
    write: (statement) => watch('write', database.write(statement)),
    transaction: (run, options) => watch('transaction', database.transaction(run, options)),
    ping: () => database.ping(),
    stats: () => database.stats(),
    close: () => database.close(),
  }
}
