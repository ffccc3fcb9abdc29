import Sqlite from 'better-sqlite3'
import { Bounded } from '../bounded.js'
import type { RowArray, Statement } from './database.js'
import { refuseEnd } from './knex.js'
import { registerFunctions } from './sqlite-functions.js'

/** Prepared statements kept for each connection. */
const MAX_STATEMENTS = 500
/** A blocking wait stops the whole process: longer waits are made in steps, by the caller. */
const BUSY_TIMEOUT_MS = 5

/** A statement and the form of rows that it was last asked for: switching costs a call into the driver. */
interface Prepared {
  readonly statement: Sqlite.Statement
  readonly reader: boolean
  /** Rows of one column come faster as bare values. */
  readonly single: boolean
  form: 'objects' | 'arrays' | 'values'
}

/** One connection with its prepared statements. Every call is synchronous. */
export class Connection {
  readonly #db: Sqlite.Database
  readonly #statements = new Bounded<string, Prepared>(MAX_STATEMENTS)
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
    const values = bound(statement.values)
    if (!prepared.reader) {
      prepared.statement.run(values)
      return []
    }
    if (!prepared.single) return inForm(prepared, 'arrays').all(values) as RowArray[]
    const rows = inForm(prepared, 'values')
    if (statement.point !== true) return rows.all(values).map((value) => [value])
    const value = rows.get(values)
    return value === undefined ? [] : [[value]]
  }

  objects(statement: Statement): Record<string, unknown>[] {
    const prepared = this.#prepare(statement.text)
    return inForm(prepared, 'objects').all(bound(statement.values)) as Record<string, unknown>[]
  }

  /** Rows changed. */
  run(statement: Statement): number {
    const { reader, statement: prepared } = this.#prepare(statement.text)
    const values = bound(statement.values)
    return reader ? prepared.all(values).length : prepared.run(values).changes
  }

  #prepare(text: string): Prepared {
    this.#clock.deadline = performance.now() + this.#timeoutMs
    return this.#statements.get(text, () => {
      const statement = this.#db.prepare(text)
      const { reader } = statement
      return { statement, reader, single: reader && statement.columns().length === 1, form: 'objects' }
    })
  }

  /** Between transactions only; inside one SQLite ignores it. */
  enforceReferences(on: boolean): void {
    this.#db.pragma(`foreign_keys = ${on ? 'ON' : 'OFF'}`)
  }

  /** For a transaction that only reads on the one connection of a database in memory. */
  refuseWrites(on: boolean): void {
    this.#db.pragma(`query_only = ${on ? 'ON' : 'OFF'}`)
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
        refuseEnd(text)
        return db.prepare(text)
      },
    }
  }

  close(): void {
    this.#db.close()
  }
}

function inForm(prepared: Prepared, form: Prepared['form']): Sqlite.Statement {
  const { statement } = prepared
  if (prepared.form !== form) {
    // Each switches the other off.
    if (form === 'values') statement.pluck(true)
    else if (form === 'arrays') statement.raw(true)
    else if (prepared.form === 'values') statement.pluck(false)
    else statement.raw(false)
    prepared.form = form
  }
  return statement
}

const bound = (values: readonly unknown[]): unknown[] => values.map(bindable)

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
