/**
 * PostgreSQL: a pool for lists, writes and transactions, and two pipelined connections for single statements about a
 * row or a few, which halve the CPU of a point read.
 */
import type { Knex } from 'knex'
import pg from 'pg'
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
import {
  type ConstraintCatalog,
  driverCode,
  isConnectionLoss,
  translated,
  withStatement,
} from './db-errors.js'
import { boundKnex } from './knex.js'
import { postgresTypes } from './postgres-types.js'

/** A request waits this long for a connection; then it is 503. */
const ACQUIRE_MS = 2_000
/** A pipelined statement waits this long for a lock, holding up those behind it; then it moves to the pool. */
const PIPE_LOCK_MS = 200
const PIPES = 2

/** Codes of statements that were refused before they ran, because a prepared statement is stale or missing. */
const STALE = new Set(['0A000', '26000'])
/** Codes of transactions that another one undid. */
const UNDONE = new Set(['40001', '40P01'])

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
  readonly #pool: pg.Pool
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
      types: postgresTypes,
      pipeline: true,
    }
    this.#log = options.log
    this.#constraints = options.constraints
    const { max } = settings.pool
    this.#pool = new pg.Pool({ ...config, min: max, max, idleTimeoutMillis: 0 })
    // A connection that breaks while idle has already left the pool: the next request opens another one.
    this.#pool.on('error', (error) => this.#log.warn({ err: error }, 'an idle database connection broke'))
    // One that breaks while it is used fails its statement, which tells; without a listener it would end the process.
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
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

  async write(statement: Statement): Promise<readonly RowArray[]> {
    const result = await this.#single<RowArray>(statement, true, false)
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
        const code = driverCode(error)
        if (code === '55P03') return await this.#pooled<R>(statement, arrays, repeatable)
        if (code !== undefined && STALE.has(code)) pipe.drop(client)
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
      client.release(outcome.broken)
      if (outcome.ok) return outcome.value
      if (!outcome.again || attempt >= ATTEMPTS) throw finalError(outcome.error, this.#constraints)
      // Two transactions that undid each other must not meet again at once.
      await pause(Math.random() * 10 * 2 ** attempt)
    }
  }

  /** Stops what a connection is running, from another one. */
  #cancel(client: pg.PoolClient): void {
    const { processID } = client as unknown as { processID: number }
    this.write({ text: 'SELECT pg_cancel_backend($1)', values: [processID] }).catch((error: unknown) =>
      this.#log.warn({ err: error }, 'a statement could not be cancelled'),
    )
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
    const { totalCount, idleCount, waitingCount } = this.#pool
    return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount }
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#pool.end(), ...this.#pipes.map((pipe) => pipe.close())]).then(
      () => undefined,
    )
    return this.#closing
  }
}

interface Answer<R> {
  readonly rows: R[]
  readonly rowCount: number | null
}

/** The driver's own limit, for a server that no longer answers; statements that may take long have none. */
const UNLIMITED = Object.freeze({ query_timeout: 2 ** 31 - 1 })

async function send<R>(
  client: pg.ClientBase,
  statement: Statement,
  arrays: boolean,
  limits: object = {},
): Promise<Answer<R>> {
  const { text, name, values } = statement
  try {
    const config = { text, values: values as unknown[], ...(name === undefined ? {} : { name }), ...limits }
    // The driver's types tie row shape to a literal `rowMode`.
    const answer = arrays ? await client.query({ ...config, rowMode: 'array' }) : await client.query(config)
    return answer as unknown as Answer<R>
  } catch (error) {
    throw withStatement(error, text)
  }
}

/** The connection is not to be used again. */
function isBroken(error: unknown): boolean {
  const code = driverCode(error)
  return code === undefined || isConnectionLoss(error) || STALE.has(code)
}

/** `sent`: the statement may be sent twice. Refused and undone statements always may: they did nothing. */
function mayRepeat(error: unknown, sent: boolean): boolean {
  const code = driverCode(error)
  if (code !== undefined && (STALE.has(code) || UNDONE.has(code))) return true
  return sent && isConnectionLoss(error)
}

/** in_failed_sql_transaction */
const ABORTED = '25P02'

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

/** A connection that is opened at first use and again after it broke. */
class Pipe {
  readonly #config: pg.ClientConfig
  readonly #log: Log
  #client: pg.Client | undefined
  #connecting: Promise<pg.Client> | undefined
  #closed = false

  constructor(config: pg.ClientConfig, log: Log) {
    this.#config = config
    this.#log = log
  }

  async connected(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client
    if (this.#closed) throw new BiodmError('unavailable', 'The server is stopping.')
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#config)
    client.on('error', (error) => {
      this.#log.warn({ err: error }, 'a database connection broke')
      this.drop(client)
    })
    client.on('end', () => this.drop(client))
    try {
      await client.connect()
    } catch (error) {
      throw new BiodmError('unavailable', 'The database cannot be reached for the moment; try again.', {
        headers: { 'Retry-After': '1' },
        cause: error,
      })
    }
    this.#client = client
    return client
  }

  /** Statements already sent on it still end; new ones use a new connection. */
  drop(client: pg.Client | undefined): void {
    if (client === undefined || this.#client !== client) return
    this.#client = undefined
    client.end().catch(() => undefined)
  }

  async close(): Promise<void> {
    this.#closed = true
    const client = this.#client ?? (await this.#connecting?.catch(() => undefined))
    this.#client = undefined
    await client?.end().catch(() => undefined)
  }
}

type Outcome<T> =
  | { readonly ok: true; readonly broken: false; readonly value: T }
  | { readonly ok: false; readonly broken: boolean; readonly again: boolean; readonly error: unknown }

class PostgresTransaction implements Transaction {
  readonly dialect = 'postgres'
  readonly #client: pg.PoolClient
  readonly #options: TransactionOptions
  readonly #constraints: ConstraintCatalog | undefined
  readonly #cancel: () => void
  #begun: Promise<unknown> | undefined
  #undone = false
  #answered = false
  /** Of the statement that failed last. */
  #failure: unknown
  #over = false
  #knex: Knex | undefined

  constructor(
    client: pg.PoolClient,
    options: TransactionOptions,
    constraints: ConstraintCatalog | undefined,
    cancel: () => void,
  ) {
    this.#client = client
    this.#options = options
    this.#constraints = constraints
    this.#cancel = cancel
  }

  async run<T>(work: (trx: Transaction) => Promise<T>): Promise<Outcome<T>> {
    const { signal } = this.#options
    const abort = () => this.#cancel()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      const value = await work(this)
      signal?.throwIfAborted()
      await this.#commit()
      return { ok: true, broken: false, value }
    } catch (error) {
      const broken = await this.#rollback(error)
      const lostEarly = !this.#answered && isConnectionLoss(error)
      const again = this.#undone || error instanceof RetryTransaction || lostEarly
      return { ok: false, broken, again: again && signal?.aborted !== true, error }
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Sent together with the first statement: one round trip less. */
  #begin(): void {
    const text = this.#options.readonly === true ? 'BEGIN READ ONLY' : 'BEGIN'
    this.#begun = this.#client.query(text)
    this.#begun.catch(() => undefined)
  }

  async #commit(): Promise<void> {
    this.#over = true
    if (this.#begun === undefined) return
    const { command } = await this.#client.query('COMMIT')
    // A transaction in which a statement failed, and the failure was swallowed, ends in a rollback.
    if (command !== 'COMMIT') throw new Error('a statement of the transaction failed, so it was rolled back')
  }

  /** True when the connection is not to be used again. */
  async #rollback(error: unknown): Promise<boolean> {
    this.#over = true
    if (isConnectionLoss(error)) return true
    if (this.#begun === undefined) return false
    try {
      await this.#client.query('ROLLBACK')
      return false
    } catch {
      return true
    }
  }

  async #send<R>(statement: Statement, arrays: boolean): Promise<Answer<R>> {
    if (this.#over) throw new Error('the transaction is over: a statement was not awaited')
    this.#options.signal?.throwIfAborted()
    if (this.#begun === undefined) this.#begin()
    try {
      const limits = this.#options.schemaChange === true ? UNLIMITED : {}
      const answer = await send<R>(this.#client, statement, arrays, limits)
      this.#answered = true
      return answer
    } catch (error) {
      this.#noteFailure(error)
      // Statements sent together with the one that failed are refused after it: its failure is theirs.
      if (driverCode(error) === ABORTED && this.#failure !== undefined) throw this.#failure
      throw translated(error, this.#constraints)
    }
  }

  #noteFailure(error: unknown): void {
    const code = driverCode(error)
    if (code === undefined) return
    if (code !== ABORTED) this.#failure = translated(error, this.#constraints)
    if (!code.startsWith('57P') && !code.startsWith('E')) this.#answered = true
    if (UNDONE.has(code)) this.#undone = true
  }

  async query(statement: Statement): Promise<readonly RowArray[]> {
    const answer = await this.#send<RowArray>(statement, true)
    return answer.rows
  }

  async rows(statement: Statement): Promise<readonly Record<string, unknown>[]> {
    const answer = await this.#send<Record<string, unknown>>(statement, false)
    return answer.rows
  }

  async execute(statement: Statement): Promise<number> {
    const answer = await this.#send<RowArray>(statement, true)
    return answer.rowCount ?? 0
  }

  knex(): Knex {
    if (this.#begun === undefined) this.#begin()
    if (this.#over) throw new Error('the transaction is over')
    this.#knex ??= boundKnex(
      'postgres',
      guarded(this.#client, () => this.#over),
      (error) => this.#noteFailure(error),
    )
    return this.#knex
  }
}

/** The driver's connection for knex: what is sent on it once `over` says so would run outside of the transaction. */
function guarded(client: pg.PoolClient, over: () => boolean): pg.PoolClient {
  const query = (...given: unknown[]): unknown => {
    if (over()) throw new Error('the transaction is over: a statement was not awaited')
    return Reflect.apply(client.query, client, given)
  }
  return Object.create(client, { query: { value: query } }) as pg.PoolClient
}
