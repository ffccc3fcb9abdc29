/**
 * The whole plugin contract. A plugin is a module with one default export made by `definePlugin`; everything a
 * configuration can name is declared statically, so that `biodm check` knows it without connecting anywhere.
 * Importing a plugin has no side effects.
 */
import type { BaseContext, Hook, Key, Row, RunTransaction, TransactionContext } from './hooks.js'
import type { Caller, Identity } from './identity.js'
import type { Log } from './log.js'

/** A JSON Schema object. */
export type JsonSchema = Readonly<Record<string, unknown>>

export interface Plugin {
  /** Prefix of its hooks, traits and jobs (`audit.stamp`) and key of `ctx.managers`. */
  readonly name: string
  readonly description?: string
  /** JSON Schema of the options; defaults in it are applied. Without it a plugin takes no options. */
  readonly options?: JsonSchema
  /** Said at start-up, all at once, about options that their schema accepts. Connects nowhere. */
  validate?(options: Readonly<Record<string, unknown>>): readonly string[]
  readonly traits?: Readonly<Record<string, Trait>>
  /** Resources that come with the plugin, written as in a config; `internal: true` ones have no routes. */
  readonly resources?: Readonly<Record<string, ResourceConfig>>
  /** Traits that named resources of the config (or built-in ones) get by the plugin's mere presence. */
  readonly extends?: Readonly<Record<string, { readonly traits: readonly string[] }>>
  readonly hooks?: Readonly<Record<string, Hook>>
  /** Handlers of `ctx.enqueue('plugin.name', payload)`: run at least once, so they must be idempotent. */
  readonly jobs?: Readonly<Record<string, (payload: unknown, ctx: BaseContext) => unknown>>
  /** Recurring work: at the start and then every `every` milliseconds, by one of several processes. */
  readonly tasks?: Readonly<Record<string, { readonly every: number; run(ctx: BaseContext): unknown }>>
  readonly routes?: readonly PluginRoute[]
  /** `biodm <name> config.yaml …`. */
  readonly commands?: readonly PluginCommand[]
  /** Authenticators only: the OpenAPI security scheme that clients use. */
  readonly securityScheme?: JsonSchema
  /**
   * Authenticators only. Null: anonymous. Throws `BiodmError('invalid_token')` for a token that is present but bad
   * and `BiodmError('unavailable')` when it cannot tell.
   */
  authenticate?(request: AuthRequest, ctx: BaseContext): Promise<Identity | null> | Identity | null
  /** Connect. What it returns is closed in reverse order, also when a later plugin's setup fails. */
  setup?(options: never, tools: SetupTools): Promise<PluginInstance | undefined> | PluginInstance | undefined
}

/** Columns, relations, hooks and routes that a resource takes by naming the trait. */
export interface Trait {
  readonly description?: string
  /** JSON Schema of the trait's options (`traits: { s3.file: { key: … } }`). */
  readonly options?: JsonSchema
  /**
   * As in a config, short or long form. `virtual: true` with `readonly: true` makes a computed column: never stored and
   * never accepted, null unless a `read` or `list` hook puts a value into the row.
   */
  readonly columns?: Readonly<Record<string, unknown>>
  readonly relations?: Readonly<Record<string, unknown>>
  readonly unique?: readonly (readonly string[])[]
  /** Text columns of the resource that are kept in lower case, with the foreign keys that point at them. */
  readonly lowercase?: readonly string[]
  /** operation (or `write`) → hook names. */
  readonly hooks?: Readonly<
    Record<string, { readonly prefix?: readonly HookRef[]; readonly postfix?: readonly HookRef[] }>
  >
  /** Further operations that hooks of the resource may follow; the trait's routes carry them out by `ctx.operate`. */
  readonly operations?: readonly string[]
  /** Further verbs that `access:` and `permissions:` of the resource may name. */
  readonly verbs?: readonly string[]
  /** On `User`: further columns that people may change on their own row, where `update` is a `self` rule (a password). */
  readonly own?: readonly string[]
  /** Mounted under the resource's path: `/{id}/download`. */
  readonly routes?: readonly TraitRoute[]
  /** Said at start-up, all at once, when the trait does not fit the resource or its options. */
  validate?(resource: TraitTarget, options: Readonly<Record<string, unknown>>): readonly string[]
}

export type HookRef = string | { readonly use: string; readonly with?: Readonly<Record<string, unknown>> }

/** What a trait's `validate` sees. */
export interface TraitTarget {
  readonly name: string
  readonly versioned: false | true | 'strict'
  readonly columns: readonly string[]
  readonly primaryKey: readonly string[]
  /** Relation name → target resource name, to-one relations only. */
  readonly toOne: Readonly<Record<string, string>>
  /** The same for another resource; undefined when there is none of that name. */
  resource(name: string): TraitTarget | undefined
}

/** The raw form of a resource as in YAML. */
export type ResourceConfig = Readonly<Record<string, unknown>>

export interface SetupTools {
  readonly runtime: RuntimeTools
  readonly log: Log
}

/** What a plugin may know of the server it runs in. */
export interface RuntimeTools {
  /** Public address without a trailing slash, base path included; known once listening, so ask late. */
  url(): string
  /** Folder that relative paths of the config start from. */
  readonly dir: string
  readonly adminGroup: string
  /** Hooks, services and jobs outside a request: as the system. */
  service: BaseContext['service']
  transaction: RunTransaction
  /** Small durable values shared by all processes (signing keys, login states): see `PluginStore`. */
  readonly store: PluginStore
  /** Compiled facts about a resource (columns, key, traits with options). */
  resource(name: string): ResourceFacts | undefined
  readonly resources: readonly ResourceFacts[]
}

/** Rows of `biodm_store`, one namespace a plugin; values are JSON. */
export interface PluginStore {
  get(key: string): Promise<unknown>
  /** `expiresAt`: milliseconds since the epoch; expired entries read as absent and are swept. */
  set(key: string, value: unknown, options?: { expiresAt?: number }): Promise<void>
  /** Sets only when absent (or expired); true when it did. */
  add(key: string, value: unknown, options?: { expiresAt?: number }): Promise<boolean>
  /** Reads and deletes in one step: of any number of callers exactly one gets the value. */
  take(key: string): Promise<unknown>
  /** Adds `by` (default 1) to a counter and returns the new value; the first addition fixes `expiresAt`. */
  increment(key: string, options?: CounterOptions): Promise<number>
  /** Where that would exceed `max`: undefined, and nothing changes. */
  increment(key: string, options: CounterOptions & { max: number }): Promise<number | undefined>
  delete(key: string): Promise<void>
}

export interface CounterOptions {
  readonly by?: number
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number
}

export interface ResourceFacts {
  readonly name: string
  readonly path: string
  readonly table: string
  readonly versioned: false | true | 'strict'
  readonly primaryKey: readonly string[]
  readonly columns: readonly string[]
  /** Trait name → its options on this resource. */
  readonly traits: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** To-one relations: name → target and column pairs. */
  readonly toOne: Readonly<
    Record<
      string,
      {
        readonly target: string
        readonly columns: readonly { readonly column: string; readonly references: string }[]
      }
    >
  >
  /** n–m relations: name → target, association table, and its columns that hold our key and the target's. */
  readonly links: Readonly<
    Record<
      string,
      {
        readonly target: string
        readonly table: string
        readonly own: readonly { readonly column: string; readonly references: string }[]
        readonly other: readonly { readonly column: string; readonly references: string }[]
      }
    >
  >
  /** `{ id: 12, version: 3 }` → `12_3`, as in paths. */
  formatKey(key: Key): string
}

export interface PluginInstance {
  /** Given to every hook as `ctx.managers.<plugin>`. */
  readonly manager?: unknown
  /** Asked by `/ready`; false or a rejection: not ready. */
  ready?(): Promise<unknown> | unknown
  /** Copes with a half-finished setup; called once. */
  close?(): Promise<unknown> | unknown
}

export interface AuthRequest {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly method: string
  readonly path: string
  readonly ip: string
}

export interface RouteBase {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `/audit`, `/audit/:name`; a trait's starts with `/:id`. */
  readonly path: string
  /** true: no token needed even under `server.require_auth`. */
  readonly public?: boolean
  /** true: a bad token is ignored instead of 401 (login, refresh…). */
  readonly ignoreToken?: boolean
  /** true: the body is not read; `run` gets the stream in `ctx.request`. Limits of size and time do not apply. */
  readonly raw?: boolean
  /**
   * Operation object of OpenAPI: what the route takes and answers. Parameters of its path and the refusals that any route may
   * answer are added; others are named by `{ $ref: '#/components/responses/Conflict' }` and the like.
   */
  readonly openapi?: JsonSchema
  /** Shown by nobody: neither in OpenAPI nor in `check`. */
  readonly hidden?: boolean
}

export interface PluginRoute extends RouteBase {
  run(ctx: RouteContext): Promise<RouteResult> | RouteResult
}

export interface TraitRoute extends RouteBase {
  /**
   * Checked on the row before `run`: 404 when it may not be read, 401/403 when the verb is refused. Null: `admit` decides by
   * what the request carries (a signed token).
   */
  readonly verb: string | null
  /** Throws for who may not know whether there is such a row: runs before anybody looks. */
  admit?(ctx: TraitAdmitContext): void | Promise<void>
  run(ctx: TraitRouteContext): Promise<RouteResult> | RouteResult
}

export interface RouteContext extends BaseContext {
  readonly identity: Caller
  readonly method: string
  readonly path: string
  /** Percent-decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Parsed JSON, undefined without a body. */
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly ip: string
  /** The bare request, for `raw` routes. */
  readonly request: import('node:http').IncomingMessage
  transaction: RunTransaction
}

/** A request to a route of a trait, before anybody has looked whether there is such a row. */
export interface TraitAdmitContext extends RouteContext {
  readonly resource: ResourceFacts
  readonly key: Key
}

export interface TraitRouteContext extends TraitAdmitContext {
  /** The stored row with all columns, hidden ones too. Loaded before `run`, not locked. */
  readonly row: Readonly<Row>
  /** Whether the caller may `verb` this row. */
  may(verb: string): Promise<boolean>
  /**
   * Carries out an operation of the trait on this row: its prefix hooks, then `run` in a transaction with the row locked
   * and read again, its postfix hooks, the commit. `not_found` when the row has gone.
   */
  operate<T>(operation: string, run: (ctx: OperationContext) => Promise<T>): Promise<T>
}

/** Inside `operate`. */
export interface OperationContext extends TransactionContext {
  /** The stored row with all columns as it is under the lock. */
  readonly row: Readonly<Row>
}

export interface RouteResult {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** A string or bytes are sent as they are, a stream is piped, anything else becomes JSON; undefined: no body. */
  readonly body?: unknown
}

export interface PluginCommand {
  readonly name: string
  readonly description: string
  /** Further words and options in commander's notation: `['gc'], ['--dry-run', 'show only']`. */
  readonly arguments?: readonly (readonly [notation: string, description: string])[]
  readonly options?: readonly (readonly [notation: string, description: string])[]
  /** Whether with these options it only looks: then no database and no tables are made for it, and missing ones are an error. */
  looks?(flags: Readonly<Record<string, unknown>>): boolean
  /** Returns the exit code. */
  run(ctx: CommandContext): Promise<number> | number
}

export interface CommandContext extends BaseContext {
  readonly args: readonly string[]
  readonly flags: Readonly<Record<string, unknown>>
  readonly json: boolean
  readonly runtime: RuntimeTools
  out(line: string): void
  err(line: string): void
}

/** Gives a plugin its type and freezes it; runs nothing. */
export function definePlugin<const P extends Plugin>(plugin: P): P {
  return Object.freeze(plugin)
}
