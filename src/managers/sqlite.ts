/**
 * SQLite: one connection that writes, behind a queue, and others that read. In memory there is one connection in all, so
 * that reads wait for a transaction that is open.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Knex } from 'knex'
import type { DatabaseSettings } from '../config/definition.js'
import { BiodmError } from '../errors.js'
import {
  ATTEMPTS,
  type Database,
  RetryTransaction,
  type RowArray,
  type Statement,
  type Transaction,
  type TransactionOptions,
} from './database.js'
import { withStatement } from './db-error-place.js'
import { type ConstraintCatalog, driverCode, translated } from './db-errors.js'
import { boundKnex } from './knex.js'
import { Connection } from './sqlite-connection.js'
import { Turns } from './turns.js'

/** Another process may hold the write lock this long; then it is 503. */
const BUSY_MS = 5_000
/** Idle connections kept for read-only transactions. */
const KEPT_READERS = 2
const MAX_READERS = 8

export interface SqliteOptions {
  /** Limit of one statement, as far as it can be kept: a statement blocks the process. */
  readonly timeoutMs: number
  readonly constraints?: ConstraintCatalog
}

export function openSqlite(settings: DatabaseSettings, options: SqliteOptions): Database {
  return new SqliteDatabase(settings.url.slice('sqlite:'.length), options)
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const isBusy = (error: unknown): boolean => driverCode(error)?.startsWith('SQLITE_BUSY') === true

class SqliteDatabase implements Database {
  readonly dialect = 'sqlite'
  readonly #path: string
  readonly #options: SqliteOptions
  readonly #writer: Connection
  /** The writer itself in memory. */
  readonly #reader: Connection
  /** Of the writer. */
  readonly #queue = new Turns()
  readonly #readers: Connection[] = []
  readonly #reading = new Turns(MAX_READERS)
  #closed = false

  constructor(path: string, options: SqliteOptions) {
    this.#path = path
    this.#options = options
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
    this.#writer = new Connection(path, options.timeoutMs)
    this.#reader =
      path === ':memory:' ? this.#writer : new Connection(path, options.timeoutMs, { readonly: true })
  }

  get #inMemory(): boolean {
    return this.#reader === this.#writer
  }

  query(statement: Statement): Promise<readonly RowArray[]> {
    return this.#read(statement, (connection) => connection.arrays(statement))
  }

  rows(statement: Statement): Promise<readonly Record<string, unknown>[]> {
    return this.#read(statement, (connection) => connection.objects(statement))
  }

  execute(statement: Statement): Promise<number> {
    return this.#autocommit(statement, (connection) => connection.run(statement))
  }

  write(statement: Statement): Promise<readonly RowArray[]> {
    return this.#autocommit(statement, (connection) => connection.arrays(statement))
  }

  async #read<T>(statement: Statement, work: (connection: Connection) => T): Promise<T> {
    this.#checkOpen()
    if (!this.#inMemory || this.#queue.taken === 0) {
      try {
        return work(this.#reader)
      } catch (error) {
        if (!isBusy(error)) throw this.#translated(error, statement)
      }
      return await this.#whenFree(statement, () => work(this.#reader))
    }
    const release = await this.#queue.acquire()
    try {
      return await this.#whenFree(statement, () => work(this.#reader))
    } finally {
      release()
    }
  }

  async #autocommit<T>(statement: Statement, work: (connection: Connection) => T): Promise<T> {
    this.#checkOpen()
    const release = await this.#queue.acquire()
    try {
      return await this.#whenFree(statement, () => work(this.#writer))
    } finally {
      release()
    }
  }

  /** Runs again while another process has the lock. */
  async #whenFree<T>(statement: Statement, work: () => T, signal?: AbortSignal): Promise<T> {
    const deadline = performance.now() + BUSY_MS
    for (let attempt = 0; ; attempt++) {
      try {
        return work()
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) {
          throw this.#translated(error, statement)
        }
      }
      signal?.throwIfAborted()
      await pause(1 + Math.random() * Math.min(20, 2 ** attempt))
    }
  }

  #translated(error: unknown, statement: Statement): unknown {
    return translated(withStatement(error, statement.text), this.#options.constraints)
  }

  transaction<T>(run: (trx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    this.#checkOpen()
    return options.readonly === true && !this.#inMemory
      ? this.#readTransaction(run, options)
      : this.#writeTransaction(run, options)
  }

  async #writeTransaction<T>(run: (trx: Transaction) => Promise<T>, options: TransactionOptions): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#onWriter(run, options)
      } catch (error) {
        if (!(error instanceof RetryTransaction)) throw translated(error, this.#options.constraints)
        if (attempt >= ATTEMPTS) {
          throw new BiodmError('conflict', 'Other requests keep changing the same rows; try again.', {
            cause: error,
          })
        }
      }
    }
  }

  async #onWriter<T>(run: (trx: Transaction) => Promise<T>, options: TransactionOptions): Promise<T> {
    const { signal, schemaChange = false, readonly = false } = options
    const release = await this.#queue.acquire(signal)
    try {
      if (schemaChange) this.#writer.enforceReferences(false)
      await this.#whenFree(BEGIN, () => this.#writer.run(BEGIN), signal)
      if (readonly) this.#writer.refuseWrites(true)
      return await this.#inside(this.#writer, run, options)
    } finally {
      if (schemaChange) this.#writer.enforceReferences(true)
      if (readonly) this.#writer.refuseWrites(false)
      release()
    }
  }

  /** On a connection of its own: the snapshot of a transaction must not be what other reads see. */
  async #readTransaction<T>(run: (trx: Transaction) => Promise<T>, options: TransactionOptions): Promise<T> {
    const release = await this.#reading.acquire(options.signal)
    try {
      this.#checkOpen()
      return await this.#onReader(run, options)
    } catch (error) {
      throw translated(error, this.#options.constraints)
    } finally {
      release()
    }
  }

  async #onReader<T>(run: (trx: Transaction) => Promise<T>, options: TransactionOptions): Promise<T> {
    const connection =
      this.#readers.pop() ?? new Connection(this.#path, this.#options.timeoutMs, { readonly: true })
    try {
      connection.run({ text: 'BEGIN', values: [] })
      return await this.#inside(connection, run, options)
    } finally {
      if (this.#closed || this.#readers.length >= KEPT_READERS) connection.close()
      else this.#readers.push(connection)
    }
  }

  async #inside<T>(
    connection: Connection,
    run: (trx: Transaction) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    const trx = new SqliteTransaction(connection, options.signal, this.#options.constraints)
    try {
      const value = await run(trx)
      options.signal?.throwIfAborted()
      trx.end()
      await this.#whenFree(COMMIT, () => connection.run(COMMIT))
      return value
    } catch (error) {
      trx.end()
      connection.rollback()
      throw error
    }
  }

  async ping(): Promise<void> {
    this.#checkOpen()
    try {
      this.#reader.arrays({ text: 'SELECT 1', values: [] })
    } catch (error) {
      throw translated(error)
    }
  }

  stats(): { used: number; idle: number; waiting: number } {
    const [writing, reading] = [this.#queue, this.#reading]
    return {
      used: writing.taken + reading.taken,
      idle: 1 - writing.taken,
      waiting: writing.waiting + reading.waiting,
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    // What runs may end; what waits behind it is refused by `#checkOpen`.
    const release = await this.#queue.acquire().catch(() => () => undefined)
    this.#closed = true
    for (const connection of this.#readers) connection.close()
    if (!this.#inMemory) this.#reader.close()
    this.#writer.close()
    release()
  }

  #checkOpen(): void {
    if (this.#closed) throw new BiodmError('unavailable', 'The server is stopping.')
  }
}

const BEGIN: Statement = Object.freeze({ text: 'BEGIN IMMEDIATE', values: [] })
const COMMIT: Statement = Object.freeze({ text: 'COMMIT', values: [] })

class SqliteTransaction implements Transaction {
  readonly dialect = 'sqlite'
  readonly #connection: Connection
  readonly #signal: AbortSignal | undefined
  readonly #constraints: ConstraintCatalog | undefined
  #knex: Knex | undefined
  #over = false

  constructor(
    connection: Connection,
    signal: AbortSignal | undefined,
    constraints: ConstraintCatalog | undefined,
  ) {
    this.#connection = connection
    this.#signal = signal
    this.#constraints = constraints
  }

  end(): void {
    this.#over = true
  }

  /** Nothing travels: the commit comes when the work has ended. */
  commitBehind(): void {}

  async query(statement: Statement): Promise<readonly RowArray[]> {
    return this.#run(statement, () => this.#connection.arrays(statement))
  }

  async rows(statement: Statement): Promise<readonly Record<string, unknown>[]> {
    return this.#run(statement, () => this.#connection.objects(statement))
  }

  async execute(statement: Statement): Promise<number> {
    return this.#run(statement, () => this.#connection.run(statement))
  }

  #run<T>(statement: Statement, work: () => T): T {
    if (this.#over) throw new Error('the transaction is over: a statement was not awaited')
    this.#signal?.throwIfAborted()
    try {
      return work()
    } catch (error) {
      throw translated(withStatement(error, statement.text), this.#constraints)
    }
  }

  knex(): Knex {
    if (this.#over) throw new Error('the transaction is over')
    this.#knex ??= boundKnex(
      'sqlite',
      this.#connection.guarded(() => this.#over),
    )
    return this.#knex
  }
}
