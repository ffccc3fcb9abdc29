import Sqlite from 'better-sqlite3'
import type { RowArray, Statement } from './database.js'
import { registerFunctions } from './sqlite-functions.js'

/** Prepared statements kept for each connection. */
const MAX_STATEMENTS = 500
/** A blocking wait stops the whole process: longer waits are made in steps, by the caller. */
const BUSY_TIMEOUT_MS = 5

/** One connection with its prepared statements. Every call is synchronous. */
export class Connection {
  readonly #db: Sqlite.Database
  /** In order of use, the least recent first. */
  readonly #statements = new Map<string, Sqlite.Statement>()
  readonly #clock = { deadline: Number.POSITIVE_INFINITY }
  readonly #timeoutMs: number

  constructor(path: string, timeoutMs: number, options: { readonly readonly?: boolean } = {}) {
    this.#timeoutMs = timeoutMs
    this.#db = new Sqlite(path, { timeout: BUSY_TIMEOUT_MS })
    try {
      this.#configure(path, options.readonly === true)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  #configure(path: string, readonly: boolean): void {
    if (path !== ':memory:' && !readonly) {
      // Another process may be switching the same new file to WAL: waiting is right here, once, at the start.
      this.#db.pragma('busy_timeout = 5000')
      this.#db.pragma('journal_mode = WAL')
      this.#db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
    }
    this.#db.pragma('synchronous = FULL')
    this.#db.pragma('foreign_keys = ON')
    this.#db.pragma('trusted_schema = OFF')
    this.#db.pragma('cache_size = -32000')
    this.#db.pragma('temp_store = MEMORY')
    if (readonly) this.#db.pragma('query_only = ON')
    registerFunctions(this.#db, this.#clock)
  }

  arrays(statement: Statement): RowArray[] {
    const prepared = this.#prepare(statement.text)
    const values = this.#bind(statement.values)
    if (!prepared.reader) {
      prepared.run(values)
      return []
    }
    return prepared.raw(true).all(values) as RowArray[]
  }

  objects(statement: Statement): Record<string, unknown>[] {
    return this.#prepare(statement.text).raw(false).all(this.#bind(statement.values)) as Record<
      string,
      unknown
    >[]
  }

  /** Rows changed. */
  run(statement: Statement): number {
    const prepared = this.#prepare(statement.text)
    const values = this.#bind(statement.values)
    return prepared.reader ? prepared.all(values).length : prepared.run(values).changes
  }

  #prepare(text: string): Sqlite.Statement {
    this.#clock.deadline = performance.now() + this.#timeoutMs
    const known = this.#statements.get(text)
    if (known !== undefined) {
      this.#statements.delete(text)
      this.#statements.set(text, known)
      return known
    }
    const prepared = this.#db.prepare(text)
    this.#statements.set(text, prepared)
    if (this.#statements.size > MAX_STATEMENTS) {
      const [oldest] = this.#statements.keys()
      if (oldest !== undefined) this.#statements.delete(oldest)
    }
    return prepared
  }

  #bind(values: readonly unknown[]): unknown[] {
    return values.map(bindable)
  }

  /** Between transactions only; inside one SQLite ignores it. */
  enforceReferences(on: boolean): void {
    this.#db.pragma(`foreign_keys = ${on ? 'ON' : 'OFF'}`)
  }

  rollback(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
  }

  /** The driver's object for knex: preparing on it fails once `over` says so. */
  guarded(over: () => boolean): object {
    const db = this.#db
    return {
      prepare(text: string) {
        if (over()) throw new Error('the transaction is over: a query was not awaited')
        return db.prepare(text)
      },
    }
  }

  close(): void {
    this.#db.close()
  }
}

/** Booleans are 0 and 1; whole numbers beyond 32 bits would be bound as REAL. */
function bindable(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (
    typeof value === 'number' &&
    Number.isSafeInteger(value) &&
    (value > 0x7fffffff || value < -0x80000000)
  ) {
    return BigInt(value)
  }
  return value === undefined ? null : value
}
