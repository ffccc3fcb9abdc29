import type { Writable } from 'node:stream'
import type { Knex } from 'knex'
import type pg from 'pg'
import {
  RetryTransaction,
  type RowArray,
  type Statement,
  type Transaction,
  type TransactionOptions,
} from './database.js'
import { type ConstraintCatalog, driverCode, isConnectionLoss, translated } from './db-errors.js'
import { boundKnex, refuseEnd } from './knex.js'
import { ABORTED, type Answer, isStale, send, UNDONE, UNLIMITED } from './postgres-send.js'

/** How a run of a transaction ended; `broken`: its connection is not to be used again, `again`: it may be run again. */
export type Outcome<T> =
  | { readonly ok: true; readonly broken: false; readonly value: T }
  | {
      readonly ok: false
      readonly broken: boolean
      readonly again: boolean
      /** What the connection had prepared was refused. */
      readonly stale: boolean
      readonly error: unknown
    }

export class PostgresTransaction implements Transaction {
  readonly dialect = 'postgres'
  readonly #client: pg.PoolClient
  readonly #options: TransactionOptions
  readonly #constraints: ConstraintCatalog | undefined
  readonly #cancel: () => Promise<void>
  #begun: Promise<unknown> | undefined
  #committing: Promise<{ readonly command: string }> | undefined
  #corked = false
  #undone = false
  #stale = false
  #answered = false
  /** Of the statement that failed last. */
  #failure: unknown
  #over = false
  #knex: Knex | undefined

  constructor(
    client: pg.PoolClient,
    options: TransactionOptions,
    constraints: ConstraintCatalog | undefined,
    cancel: () => Promise<void>,
  ) {
    this.#client = client
    this.#options = options
    this.#constraints = constraints
    this.#cancel = cancel
  }

  async run<T>(work: (trx: Transaction) => Promise<T>): Promise<Outcome<T>> {
    const { signal } = this.#options
    let cancelled: Promise<void> | undefined
    const abort = () => {
      cancelled = this.#cancel()
    }
    signal?.addEventListener('abort', abort, { once: true })
    try {
      const value = await work(this)
      signal?.throwIfAborted()
      await this.#commit()
      await cancelled
      return { ok: true, broken: false, value }
    } catch (error) {
      // One that comes late must not meet the next user of the connection.
      await cancelled
      const broken = await this.#rollback(error)
      // A commit that was sent behind the statements may have happened although nothing was answered.
      const lostEarly = !this.#answered && this.#committing === undefined && isConnectionLoss(error)
      const again = this.#undone || this.#stale || error instanceof RetryTransaction || lostEarly
      return {
        ok: false,
        broken: broken || this.#stale,
        again: again && signal?.aborted !== true,
        stale: this.#stale,
        error,
      }
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Sent together with the first statement: one round trip less. */
  #begin(): void {
    const { readonly, keyed } = this.#options
    const text = readonly === true ? 'BEGIN READ ONLY' : 'BEGIN'
    this.#begun = this.#client.query(keyed === true ? `${text}; SET LOCAL enable_seqscan = off` : text)
    this.#begun.catch(() => undefined)
  }

  async #commit(): Promise<void> {
    this.#over = true
    if (this.#begun === undefined) return
    const { command } = await (this.#committing ?? this.#client.query('COMMIT'))
    // A transaction in which a statement failed, and the failure was swallowed, ends in a rollback.
    if (command !== 'COMMIT') throw new Error('a statement of the transaction failed, so it was rolled back')
  }

  /** True when the connection is not to be used again. */
  async #rollback(error: unknown): Promise<boolean> {
    this.#over = true
    if (isConnectionLoss(error)) return true
    if (this.#begun === undefined) return false
    try {
      // A commit that was sent behind a statement that failed has rolled back.
      await (this.#committing ?? this.#client.query('ROLLBACK'))
      return false
    } catch {
      return true
    }
  }

  commitBehind(): void {
    if (this.#over || this.#begun === undefined) return
    this.#over = true
    this.#committing = this.#client.query('COMMIT')
    this.#committing.catch(() => undefined)
  }

  /** What is sent before this turn ends goes to the socket in one piece. */
  #cork(): void {
    if (this.#corked) return
    const { stream } = (this.#client as unknown as { readonly connection: { readonly stream: Writable } })
      .connection
    this.#corked = true
    stream.cork()
    process.nextTick(() => {
      this.#corked = false
      stream.uncork()
    })
  }

  async #send<R>(statement: Statement, arrays: boolean): Promise<Answer<R>> {
    if (this.#over) throw new Error('the transaction is over: a statement was not awaited')
    this.#options.signal?.throwIfAborted()
    this.#cork()
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
    if (isStale(error)) this.#stale = true
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
    const [first] = given as [string | { readonly text?: string }]
    refuseEnd(typeof first === 'string' ? first : (first.text ?? ''))
    return Reflect.apply(client.query, client, given)
  }
  return Object.create(client, { query: { value: query } }) as pg.PoolClient
}
