/**
 * PostgreSQL: a pool for lists, writes and transactions, and two pipelined connections for single statements about a
 * row or a few, which halve the CPU of a point read.
 */
import type pg from 'pg'
import type { DatabaseSettings } from '../config/definition.js'
import { BiodmError } from '../errors.js'
import type { Log } from '../log.js'
import {
  ATTEMPTS,
  type Database,
  RETRIES,
  RetryTransaction,
  type RowArray,
  type Statement,
  type Transaction,
  type TransactionOptions,
} from './database.js'
import { type ConstraintCatalog, driverCode, translated } from './db-errors.js'
import { Pipe } from './postgres-pipe.js'
import { Pool } from './postgres-pool.js'
import { type Answer, isBroken, isStale, mayRepeat, send } from './postgres-send.js'
import { PostgresTransaction } from './postgres-transaction.js'
import { postgresTypes } from './postgres-types.js'

/** A request waits this long for a connection; then it is 503. */
const ACQUIRE_MS = 2_000
/** A pipelined statement waits this long for a lock, holding up those behind it; then it moves to the pool. */
const PIPE_LOCK_MS = 200
const PIPES = 2

export interface PostgresOptions {
  readonly log: Log
  /** Limit of one statement. */
  readonly timeoutMs: number
  readonly constraints?: ConstraintCatalog
}

export function openPostgres(settings: DatabaseSettings, options: PostgresOptions): Database {
  return new PostgresDatabase(settings, options)
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

class PostgresDatabase implements Database {
  readonly dialect = 'postgres'
  readonly #pool: Pool
  readonly #pipes: readonly Pipe[]
  readonly #log: Log
  readonly #constraints: ConstraintCatalog | undefined
  #next = 0
  #closing: Promise<void> | undefined

  constructor(settings: DatabaseSettings, options: PostgresOptions) {
    const config: pg.ClientConfig = {
      connectionString: settings.url,
      connectionTimeoutMillis: ACQUIRE_MS,
      statement_timeout: options.timeoutMs,
      query_timeout: options.timeoutMs + 1_000,
      keepAlive: true,
      application_name: 'biodm',
      // Columns `timestamp without time zone` of tables that others made hold UTC, whatever the server's own zone is.
      options: '-c TimeZone=UTC',
      types: postgresTypes,
      pipeline: true,
    }
    this.#log = options.log
    this.#constraints = options.constraints
    const { max } = settings.pool
    this.#pool = new Pool({ ...config, min: max, max, idleTimeoutMillis: 0 }, options.log)
    this.#pipes = Array.from(
      { length: PIPES },
      () => new Pipe({ ...config, lock_timeout: PIPE_LOCK_MS }, options.log),
    )
  }

  async query(statement: Statement): Promise<readonly RowArray[]> {
    const result = await this.#read<RowArray>(statement, true)
    return result.rows
  }

  async rows(statement: Statement): Promise<readonly Record<string, unknown>[]> {
    const result = await this.#read<Record<string, unknown>>(statement, false)
    return result.rows
  }

  async execute(statement: Statement): Promise<number> {
    const result = await this.#single<RowArray>(statement, true, false)
    return result.rowCount ?? 0
  }

  /** In the pool: commits on one connection would wait for each other's flush instead of sharing it. */
  async write(statement: Statement): Promise<readonly RowArray[]> {
    const result = await this.#pooled<RowArray>(statement, true, false)
    return result.rows
  }

  #read<R>(statement: Statement, arrays: boolean): Promise<Answer<R>> {
    return statement.point === true
      ? this.#single<R>(statement, arrays, true)
      : this.#pooled<R>(statement, arrays, true)
  }

  /** On a pipelined connection; what has to wait for a lock there starts again in the pool. */
  async #single<R>(statement: Statement, arrays: boolean, repeatable: boolean): Promise<Answer<R>> {
    for (let attempt = 0; ; attempt++) {
      const pipe = this.#pipes[this.#next++ % PIPES] as Pipe
      let client: pg.Client | undefined
      try {
        client = await pipe.connected()
        return await send<R>(client, statement, arrays)
      } catch (error) {
        if (driverCode(error) === '55P03') return await this.#pooled<R>(statement, arrays, repeatable)
        if (isStale(error)) pipe.drop(client)
        if (attempt >= RETRIES || !mayRepeat(error, repeatable && client !== undefined)) {
          throw translated(error, this.#constraints)
        }
      }
    }
  }

  async #pooled<R>(statement: Statement, arrays: boolean, repeatable: boolean): Promise<Answer<R>> {
    for (let attempt = 0; ; attempt++) {
      const client = await this.#acquire()
      try {
        const answer = await send<R>(client, statement, arrays)
        client.release()
        return answer
      } catch (error) {
        if (isStale(error)) this.#pool.outdate(client)
        client.release(isBroken(error))
        if (attempt >= RETRIES || !mayRepeat(error, repeatable)) throw translated(error, this.#constraints)
      }
    }
  }

  async #acquire(signal?: AbortSignal): Promise<pg.PoolClient> {
    signal?.throwIfAborted()
    const waiting = this.#pool.connect()
    try {
      return signal === undefined ? await waiting : await abortable(waiting, signal)
    } catch (error) {
      if (signal?.aborted === true) {
        waiting.then(
          (client) => client.release(),
          () => undefined,
        )
        throw error
      }
      throw new BiodmError('unavailable', 'No connection to the database is free; try again.', {
        headers: { 'Retry-After': '1' },
        cause: error,
      })
    }
  }

  async transaction<T>(run: (trx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const client = await this.#acquire(options.signal)
      const trx = new PostgresTransaction(client, options, this.#constraints, () => this.#cancel(client))
      const outcome = await trx.run(run)
      if (!outcome.ok && outcome.stale) this.#pool.outdate(client)
      client.release(outcome.broken)
      if (outcome.ok) return outcome.value
      if (!outcome.again || attempt >= ATTEMPTS) throw finalError(outcome.error, this.#constraints)
      // Two transactions that undid each other must not meet again at once.
      await pause(Math.random() * 10 * 2 ** attempt)
    }
  }

  /** Stops what a connection is running, from one outside of the pool, which may be exhausted. */
  async #cancel(client: pg.PoolClient): Promise<void> {
    const { processID } = client as unknown as { processID: number }
    try {
      await this.execute({ text: 'SELECT pg_cancel_backend($1)', values: [processID] })
    } catch (error) {
      this.#log.warn({ err: error }, 'a statement could not be cancelled')
    }
  }

  async ping(): Promise<void> {
    const pipe = this.#pipes[0] as Pipe
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new BiodmError('unavailable')), 1_000)
    })
    try {
      await Promise.race([pipe.connected().then((client) => client.query('SELECT 1')), late])
    } catch (error) {
      throw translated(error)
    } finally {
      clearTimeout(timer)
    }
  }

  stats(): { used: number; idle: number; waiting: number } {
    return this.#pool.stats()
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#pool.end(), ...this.#pipes.map((pipe) => pipe.close())]).then(
      () => undefined,
    )
    return this.#closing
  }
}

/** Rejects with the signal's reason as soon as it is aborted. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function finalError(error: unknown, constraints: ConstraintCatalog | undefined): unknown {
  if (error instanceof RetryTransaction) {
    return new BiodmError('conflict', 'Other requests keep changing the same rows; try again.', {
      cause: error,
    })
  }
  return translated(error, constraints)
}
