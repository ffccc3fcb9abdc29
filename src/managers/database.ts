/**
 * What the layers above know of a database: statements in, rows out, transactions around them. One implementation a
 * dialect (postgres.ts, sqlite.ts); both translate their driver's errors into `BiodmError` (db-errors.ts).
 */
import type { Knex } from 'knex'
import type { DialectName } from '../config/definition.js'

/**
 * SQL with its values. Placeholders are `$1…$n` for PostgreSQL and `?` for SQLite. A `name` makes it a prepared
 * statement kept on every connection: give one only to text from a bounded cache.
 */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
  readonly name?: string
  /**
   * Reads one row at most, by key: on PostgreSQL it may share a pipelined connection, where a slow statement would hold
   * up the ones behind it.
   */
  readonly point?: boolean
}

/** Rows by position: cheaper than objects, and what JSON-text reads want. JSON columns stay text. */
export type RowArray = readonly unknown[]

export interface Queryable {
  readonly dialect: DialectName
  query(statement: Statement): Promise<readonly RowArray[]>
  /** The same with objects by column name. */
  rows(statement: Statement): Promise<readonly Record<string, unknown>[]>
  /** Rows affected by a statement that returns none. */
  execute(statement: Statement): Promise<number>
}

/** Thrown inside a transaction: roll back and run it again, at most `ATTEMPTS` times; then `conflict` is answered. */
export class RetryTransaction extends Error {
  override readonly name = 'RetryTransaction'
}

export interface Transaction extends Queryable {
  /** A knex bound to this transaction, made at first use: what hooks see as `ctx.trx`. */
  knex(): Knex
  /**
   * The statements under way are the last ones, and nothing but their success decides: PostgreSQL is sent the commit
   * together with them, which saves a round trip. Nothing may be sent afterwards.
   */
  commitBehind(): void
}

export interface TransactionOptions {
  /** Reads only: on SQLite it does not wait for the writer. */
  readonly readonly?: boolean
  /** Also stops waiting for a connection or a lock. */
  readonly signal?: AbortSignal
  /**
   * The transaction changes tables: no time limit for its statements, and SQLite does not enforce foreign keys inside it,
   * so that a table can be replaced.
   */
  readonly schemaChange?: boolean
  /**
   * Every statement finds its rows by a key or an index. PostgreSQL then plans no scan of a whole table: it would keep such
   * a plan, made while the table was small, while the table grows. Not for what plugins may ask.
   */
  readonly keyed?: boolean
}

/**
 * A single read (`query` on the database itself) is retried when the connection broke before it began; a transaction is
 * retried as a whole on deadlock, serialization failure and a connection lost before its first statement, a bounded
 * number of times, so `run` must be repeatable.
 */
export interface Database extends Queryable {
  /**
   * A single autocommit statement that may write (an insert with its history row): never repeated once it was sent.
   */
  write(statement: Statement): Promise<readonly RowArray[]>
  transaction<T>(run: (trx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Rejects when the database does not answer within a second. */
  ping(): Promise<void>
  /** Connections: in use, idle, waiting. */
  stats(): { readonly used: number; readonly idle: number; readonly waiting: number }
  close(): Promise<void>
}

/** A statement or transaction whose connection was lost before it began is begun again. */
export const RETRIES = 2
/** A transaction is run in all, when deadlocks, serialization failures or `RetryTransaction` undo it. */
export const ATTEMPTS = 5
