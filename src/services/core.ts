/**
 * What an operation is given: the wired parts of the runtime (`Core`) and the facts of one request (`RequestContext`).
 * Both are handed down as arguments; nothing here changes while a request runs.
 */
import type { Knex } from 'knex'
import type { BaseContext, PostfixContext } from '../hooks.js'
import type { Caller } from '../identity.js'
import type { Log } from '../log.js'
import type { Database, Transaction } from '../managers/database.js'
import type { NewJob } from '../managers/outbox.js'
import type { Model } from '../model/model.js'

export interface Core {
  readonly model: Model
  readonly database: Database
  readonly log: Log
  /** false: `auth: off`, or a config without any rule: every check passes and lists are not enforced. */
  readonly enforce: boolean
  /** Results of the plugins' `setup`, by plugin name. */
  readonly managers: Readonly<Record<string, unknown>>
  /** Jobs that the loaded plugins declare, by complete name (`s3.deleteObject`). */
  readonly jobs: ReadonlyMap<string, Job>
  /** Objection models bound to a knex (a transaction's). */
  objection(knex: Knex): PostfixContext['models']
  /** Wakes the outbox worker after a commit that enqueued something. */
  wakeOutbox(): void
  /** `ctx.service(…)`: bound to a caller and, inside a postfix, to the request's transaction. */
  service(scope: ServiceScope): BaseContext['service']
  readonly metrics: Metrics
  /** Public address, base path included, without a trailing slash. */
  url(): string
}

/** A handler of `ctx.enqueue`, with the settings of the plugin that declares it. */
export interface Job {
  readonly plugin: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly run: (payload: unknown, ctx: BaseContext) => unknown
}

/** `joined: null` in the request: each call of the service is a transaction of its own. */
export interface ServiceScope {
  readonly request: RequestContext
}

/** What a request leaves to be done outside its transaction: run by the operation that opened it. */
export interface Effects {
  onRollback(undo: () => unknown, origin: string): void
  afterCommit(effect: () => unknown, origin: string): void
  /** Written into the outbox as the last thing in the transaction, all jobs together. */
  enqueue(job: NewJob): void
  /** `after`: the transaction is over and its effects run; `over`: so are they. */
  readonly phase: 'open' | 'after' | 'over'
}

/**
 * An operation called from within another one's transaction (`ctx.service` in a postfix) takes part in it: it opens
 * none, commits nothing and leaves its effects to the outer one; what it writes is recorded in history all the same.
 */
export interface Joined {
  readonly transaction: Transaction
  readonly effects: Effects
  /** Nothing can be written: a `read` or `list` hook of a `GET`. */
  readonly readonly?: boolean
}

/** Counters and histograms the services feed; see server/metrics.ts. */
export interface Metrics {
  statement(kind: string, seconds: number): void
  effectFailed(origin: string): void
}

export interface RequestContext {
  readonly id: string
  readonly caller: Caller
  readonly method: string
  /** As in the URL, without the query. */
  readonly path: string
  readonly signal: AbortSignal
  readonly log: Log
  readonly joined: Joined | null
}

/** The same request with another signal, or inside a transaction. Requests are not plain objects: a spread loses parts. */
export function derivedRequest(
  request: RequestContext,
  changes: { readonly signal?: AbortSignal; readonly joined?: Joined | null; readonly caller?: Caller },
): RequestContext {
  return {
    id: request.id,
    caller: changes.caller === undefined ? request.caller : changes.caller,
    method: request.method,
    path: request.path,
    signal: changes.signal ?? request.signal,
    log: request.log,
    joined: changes.joined === undefined ? request.joined : changes.joined,
  }
}

/** What `respond` sends. A string body is JSON text unless `headers` says otherwise; undefined: no body. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: unknown
}
