/**
 * The hook contract: which operations carry hooks, what each stage sees and may do, and what throwing means.
 *
 *   prefix   before the plan and before the transaction. For calling other systems and completing or refusing the
 *            data. Throwing: nothing was written.
 *   postfix  after the rows are written, inside the transaction. For generated ids, relations, more rows.
 *            Throwing: everything is rolled back.
 *
 * A hook is called once per resource and level of a tree with all its items; parents before children.
 */
import type { Knex } from 'knex'
import type { Model, ModelClass } from 'objection'
import type { ErrorCode, ErrorOptions } from './errors.js'
import type { Caller } from './identity.js'
import type { Log } from './log.js'

/**
 * What a resource can do and a hook can follow. `write` in a config stands for create and update; `unlink` (postfix
 * only) follows the removal of links of an n–m relation by `PUT` or `DELETE` on a collection, on the rows linked to;
 * `refer` (prefix only) precedes a write that names rows which are not there and which it does not make, by the columns of a
 * foreign key or as groups of a list: the last moment to bring them in. What it leaves in `data` is not used.
 */
export const OPERATIONS = [
  'read',
  'list',
  'create',
  'update',
  'delete',
  'unlink',
  'refer',
  'release',
  'clone',
] as const
export type Operation = (typeof OPERATIONS)[number]
export type Stage = 'prefix' | 'postfix'

export type Row = Record<string, unknown>

/** Objection models by resource name, bound to a transaction: `models.File.query()`. */
export type Models = Readonly<Record<string, ModelClass<Model & Row>>>
export type Key = Readonly<Record<string, unknown>>

/**
 * Where an item hangs: the resource and relation that lead to it, and the key of the row they start from as far as it is
 * known. On a collection route (`POST /groups/x/users`) that row is the path's and has no object in the body.
 */
export interface Via {
  readonly resource: string
  readonly relation: string
  readonly key: Key | null
}

/** One object of the request that a prefix hook may complete. */
export interface PrefixItem {
  /** Writeable: the caller's object itself, relations included. Empty for a delete. */
  data: Row
  /** The object that this one is nested in, or null at the root. */
  readonly parent: Row | null
  /** The relation that it is nested in, or null at the root. */
  readonly via: Via | null
  /** JSON pointer of the object in the body, for the `errors` of a refusal: `/datasets/0`, `''` at the root. */
  readonly pointer: string
  /** Primary key as far as the caller gave it; null when it will be generated. */
  readonly key: Key | null
  /** For update, delete, release and clone: the stored row as the operation found it; null when not loaded. */
  readonly stored: Readonly<Row> | null
}

/** One row that was written, read, deleted or cloned. */
export interface PostfixItem {
  /** What the request gave for this row (after the prefix hooks). Empty for deletes and clones without a body. */
  readonly data: Readonly<Row>
  /**
   * write, release, clone, delete: an Objection model instance of the row with all its columns, hidden ones too.
   * read, list: the plain object that will be sent; writeable.
   */
  row: Row
  readonly key: Key
  /** create: null. update, delete: the row before. release, clone: the row that was copied. */
  readonly stored: Readonly<Row> | null
  /**
   * unlink: the n–m relation that no longer leads to this row, from the row it was removed from (`row` itself stays).
   * Null elsewhere.
   */
  readonly via?: Via | null
}

/** What every hook, job and route is given. */
export interface BaseContext {
  /** The plugin's own validated options. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Results of the plugins' `setup`, by plugin name. */
  readonly managers: Readonly<Record<string, unknown>>
  readonly log: Log
  /** Aborted when the operation's time is up or the server stops. */
  readonly signal: AbortSignal
  /** Reads and writes of another resource through its whole operation, hooks and access rules included. */
  service(resource: string, options?: ServiceOptions): Service
}

export interface ServiceOptions {
  /** `'system'`: past the access rules. Default: the caller. */
  readonly identity?: 'system' | Caller
}

/** In a postfix these join the request's transaction; elsewhere each call is a transaction of its own. */
export interface Service {
  /** The row as `GET` would answer it, parsed; null when absent or not readable. `key`: one value, or an object. */
  read(key: unknown, options?: { fields?: string }): Promise<Row | null>
  /** `query` in the filter grammar: `'name=a&sort=-id'`. */
  list(query?: string): Promise<Row[]>
  write(data: Row | Row[]): Promise<Row[]>
  delete(key: unknown): Promise<void>
  release(key: unknown, data?: Row): Promise<Row>
}

interface HookContextBase extends BaseContext {
  readonly identity: Caller
  /** Name of the resource whose items these are. */
  readonly resource: string
  readonly operation: string
  /** The binding's `with:`. */
  readonly options: Readonly<Record<string, unknown>>
  /** Undo an effect elsewhere if the request does not commit. Last in, first out; each attempt is logged. */
  onRollback(undo: () => unknown): void
  /** Runs once committed; a failure is logged and counted, never shown to the caller. */
  afterCommit(effect: () => unknown): void
}

/** Inside a transaction of a plugin's own. */
export interface TransactionContext {
  readonly trx: Knex
  /** Objection models bound to the transaction. */
  readonly models: Models
  enqueue(job: string, payload: unknown): Promise<void>
}

/** Runs one transaction; `readonly` ones may not write, and do not wait for SQLite's writer. */
export type RunTransaction = <T>(
  run: (ctx: TransactionContext) => Promise<T>,
  options?: { readonly readonly?: boolean },
) => Promise<T>

export interface PrefixContext extends HookContextBase {
  readonly items: readonly PrefixItem[]
  /**
   * Whether the static rules of this resource let the caller `verb` this item: asked before an effect elsewhere, since
   * what depends on stored rows is judged only later. True under `auth: off` and for the system.
   */
  may(verb: string, item: PrefixItem): boolean
  /**
   * A transaction beside the request's, which has not begun: what it does stays when the request fails. In a write that is
   * a part of another one (`ctx.service` in a postfix) it is that one's.
   */
  transaction: RunTransaction
  /** One map for all prefix hooks of this write, to know again what an earlier level has met. */
  readonly shared: Map<unknown, unknown>
}

export interface PostfixContext extends HookContextBase {
  readonly items: readonly PostfixItem[]
  /** The request's transaction. */
  readonly trx: Knex
  /** Objection models bound to the transaction: `ctx.models.File.query()`. */
  readonly models: Models
  /**
   * An effect that must happen although the process may die: a row of the outbox in the same transaction, run after
   * the commit at least once by one of the processes. `job` is `plugin.name`; `payload` is JSON.
   */
  enqueue(job: string, payload: unknown): Promise<void>
  /** `read` and `list` only: what is being answered. Null elsewhere. */
  readonly answer: AnswerFacts | null
}

/**
 * What a `read` or `list` hook may know of the answer that its rows belong to. These hooks run on the rows at the root of
 * every answer that shows the resource: of its `GET` routes, and of writes and releases, whose rows are read back.
 */
export interface AnswerFacts {
  /** Paths that the query's `fields` names, as sent; null: the default shape. */
  readonly fields: readonly string[] | null
  /** `read` or `list` for a `GET`, else the operation that is answered: `create`, `update`, `release`. */
  readonly to: string
  /** Whether the caller may `verb` each row, in the order of `items`: static rules and lists, in one statement. */
  may(verb: string): Promise<readonly boolean[]>
}

export type Hook =
  | { readonly stage: 'prefix'; readonly description?: string; run(ctx: PrefixContext): unknown }
  | { readonly stage: 'postfix'; readonly description?: string; run(ctx: PostfixContext): unknown }

export type { ErrorCode, ErrorOptions }
