/**
 * The frozen, fully resolved meaning of a configuration. Every default is filled in, every trait applied, every
 * foreign key and version column present: later stages never look at YAML again.
 */
import type { Plugin } from '../plugin.js'

export interface Definition {
  readonly name: string
  readonly version: string
  readonly description: string | null
  /** Absolute folder that relative paths start from. */
  readonly dir: string
  readonly server: ServerSettings
  readonly database: DatabaseSettings
  readonly history: { readonly reads: boolean }
  /** `auth: off` makes this false: everything is open. */
  readonly auth: boolean
  /** Rules and lists are enforced: an authenticator is loaded, and `auth` is not off. */
  readonly enforce: boolean
  readonly plugins: readonly PluginUse[]
  /** In order of declaration; built-in ones and those of plugins first. */
  readonly resources: readonly ResourceDefinition[]
}

export interface ServerSettings {
  readonly host: string
  readonly port: number
  /** Public address; null: `http://host:port` of the running server. */
  readonly url: string | null
  /** `/` or `/x/y`, never with a trailing slash otherwise. */
  readonly basePath: string
  readonly requireAuth: boolean
  readonly timeoutMs: number
  readonly bodyLimit: number
  readonly pageSize: number
  readonly maxPageSize: number
  readonly trustProxy: boolean
  readonly cors: { readonly origins: readonly string[] } | null
  readonly adminGroup: string
  readonly limits: Limits
}

/** `server.limits`; bytes and counts. */
export interface Limits {
  readonly query: number
  readonly terms: number
  readonly values: number
  readonly wildcards: number
  readonly fields: number
  readonly jsonDepth: number
  readonly treeDepth: number
  readonly rows: number
}

export interface DatabaseSettings {
  /** Resolved: `postgres://…`, `sqlite::memory:` or `sqlite:<absolute path>`. */
  readonly url: string
  readonly dialect: DialectName
  readonly migrate: 'auto' | 'check' | 'off'
  readonly pool: { readonly max: number }
}

export type DialectName = 'sqlite' | 'postgres'

/** A plugin of the config: loaded, its options checked by its own schema. */
export interface PluginUse {
  /** The plugin's own name: prefix of its hooks, traits and jobs, key of `ctx.managers`. */
  readonly name: string
  readonly plugin: Plugin
  readonly options: Readonly<Record<string, unknown>>
}

export interface ResourceDefinition {
  readonly name: string
  readonly table: string
  /** Without slashes: `datasets`. */
  readonly path: string
  readonly description: string | null
  readonly versioned: false | true | 'strict'
  /** No routes, not in OpenAPI, only reachable as a relation or through hooks. */
  readonly internal: boolean
  /** biodm's own or built-in table: always migrated, whatever `database.migrate` says. */
  readonly managed: boolean
  readonly renamedFrom: string | null
  readonly columns: readonly ColumnDefinition[]
  readonly relations: readonly RelationDefinition[]
  /** Column names; relations in `unique:` are already replaced by their columns, `version` added where it belongs. */
  readonly unique: readonly (readonly string[])[]
  readonly access: Readonly<Record<string, AccessRule>>
  readonly permissions: readonly PermissionDefinition[]
  /** operation → ordered bindings: those of traits first. Names are complete (`audit.stamp`). */
  readonly hooks: Readonly<Record<string, StageBindings>>
  /** Traits in order, with their options, for `check` and for routes. */
  readonly traits: readonly { readonly name: string; readonly options: Readonly<Record<string, unknown>> }[]
}

export const COLUMN_TYPES = [
  'serial',
  'integer',
  'bigint',
  'number',
  'decimal',
  'string',
  'text',
  'boolean',
  'date',
  'datetime',
  'uuid',
  'json',
  'enum',
] as const
export type ColumnType = (typeof COLUMN_TYPES)[number]

export type ColumnDefault =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'now' }
  | { readonly kind: 'uuid' }
  /** The caller's username. */
  | { readonly kind: 'user' }
  /** Always computed from the group path in column `of` (identity.parentPath), never taken from anybody. */
  | { readonly kind: 'parent_path'; readonly of: string }

export interface ColumnDefinition {
  readonly name: string
  readonly type: ColumnType
  /** Characters of a string. */
  readonly length: number | null
  readonly precision: number | null
  readonly scale: number | null
  readonly primary: boolean
  /** The database makes a value when none is given: `serial`, or `generated: true` on a uuid. */
  readonly generated: boolean
  readonly required: boolean
  readonly unique: boolean
  readonly index: boolean
  readonly default: ColumnDefault | null
  readonly min: number | string | null
  readonly max: number | string | null
  readonly pattern: string | null
  readonly values: readonly string[] | null
  readonly readonly: boolean
  readonly hidden: boolean
  /**
   * Not stored, filtered or sorted by. Alone: accepted in bodies and handed to prefix hooks, never returned or recorded (a
   * password). With `readonly`: computed; never accepted, returned as null unless a read hook fills it.
   */
  readonly virtual: boolean
  /** Text that a trait keeps in lower case: folded before it is compared, looked up or stored. */
  readonly lowercase: boolean
  readonly description: string | null
  readonly renamedFrom: string | null
  readonly role: 'data' | 'foreign' | 'version' | 'latest'
}

export interface ColumnPair {
  /** Column of the table that holds the reference. */
  readonly column: string
  /** Primary-key column that it points at. */
  readonly references: string
}

export type RelationDefinition = ToOneDefinition | InverseDefinition | ThroughDefinition

interface RelationBase {
  readonly name: string
  readonly target: string
  readonly embed: boolean
  readonly description: string | null
}

/** Many-to-one: this side holds the foreign key. */
export interface ToOneDefinition extends RelationBase {
  readonly kind: 'one'
  readonly columns: readonly ColumnPair[]
  readonly required: boolean
  readonly unique: boolean
  readonly onDelete: 'restrict' | 'cascade' | 'set_null'
  /** false: a derived relation (Group.parent): joined, but without a constraint and never written. */
  readonly constraint: boolean
}

/** The other side of a `one` of the target: `many` (one-to-many) or `inverse_one` (one-to-one). */
export interface InverseDefinition extends RelationBase {
  readonly kind: 'many' | 'inverse_one'
  /** Name of the target's `one` relation that points here. */
  readonly via: string
  /** That relation's pairs: `column` is on the target's table, `references` on ours. */
  readonly columns: readonly ColumnPair[]
}

/** Many-to-many through an association table. */
export interface ThroughDefinition extends RelationBase {
  readonly kind: 'through'
  readonly table: string
  /** Pairs (association column → our key). */
  readonly own: readonly ColumnPair[]
  /** Pairs (association column → the target's key). */
  readonly other: readonly ColumnPair[]
  /** false: another resource's relation declares the same table; DDL is emitted once. */
  readonly owner: boolean
}

/** Static rule of a verb: `groups` admits members of the paths and of their descendants. */
export type AccessRule =
  | { readonly kind: 'public' }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'admin' }
  | { readonly kind: 'groups'; readonly paths: readonly string[] }
  /** What `/users` does by default: admins, and each user their own names and e-mail. */
  | { readonly kind: 'self_or_admin'; readonly columns: readonly string[] }

export interface PermissionDefinition {
  /** `files`, `datasets.files`, `self`. */
  readonly key: string
  /** `perm_files`, `perm_datasets_files`, `perm_self`. */
  readonly field: string
  /** Relation names from the carrier to the end of the rule; empty for `self`. */
  readonly path: readonly string[]
  /** Subset of: read, write, and the verbs of traits (`download`). */
  readonly verbs: readonly string[]
  /** Complete paths from the carrier (`path` already prepended). */
  readonly propagate: readonly (readonly string[])[]
}

export interface HookUse {
  /** `plugin.hook`. */
  readonly use: string
  /** The binding's `with:`. */
  readonly options: Readonly<Record<string, unknown>>
}
export interface StageBindings {
  readonly prefix: readonly HookUse[]
  readonly postfix: readonly HookUse[]
}
