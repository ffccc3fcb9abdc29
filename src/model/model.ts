/**
 * The compiled model: what plans, SQL, validation and routes are made from. Built once at start by `compileModel`,
 * frozen, without any reference to YAML. Relations name their target; `model.resource(name)` finds it.
 */
import type { ValidateFunction } from 'ajv'
import type {
  AccessRule,
  ColumnDefinition,
  ColumnPair,
  Definition,
  InverseDefinition,
  ThroughDefinition,
  ToOneDefinition,
} from '../config/definition.js'
import type { Hook } from '../hooks.js'
import type { JsonSchema, PluginRoute, TraitRoute } from '../plugin.js'

export interface Model {
  readonly definition: Definition
  readonly resources: ReadonlyMap<string, Resource>
  /** Throws for an unknown name: names come from the model itself. */
  resource(name: string): Resource
  readonly byPath: ReadonlyMap<string, Resource>
  readonly routes: readonly BoundRoute<PluginRoute>[]
}

export type Column = ColumnDefinition

export type Relation = ToOneDefinition | InverseDefinition | ThroughDefinition

export interface Resource {
  readonly name: string
  readonly table: string
  readonly path: string
  readonly description: string | null
  readonly versioned: false | true | 'strict'
  readonly internal: boolean
  readonly columns: ReadonlyMap<string, Column>
  /** Declaration order, `version` last. */
  readonly primaryKey: readonly Column[]
  /** Primary key without `version`: identifies the entity. */
  readonly entityKey: readonly Column[]
  /** The one key column that the database generates (`serial`), if any. */
  readonly generatedKey: Column | null
  /** Table of the entities of a versioned resource (`biodm_entity_<table>`: entity key, last_version), else null. */
  readonly entityTable: string | null
  readonly relations: ReadonlyMap<string, Relation>
  readonly unique: readonly (readonly string[])[]
  /** verb → static rule; every verb of the resource is present. */
  readonly access: ReadonlyMap<string, AccessRule>
  /** Lists of groups that rows of this resource carry. */
  readonly permissions: readonly PermissionRule[]
  /** Rules, its own `self` included, whose lists decide about rows of this resource. */
  readonly reach: readonly PermissionReach[]
  /** A column with `default: user` makes creation require a login. */
  readonly createNeedsLogin: boolean
  /** operation → hooks in the order they run. */
  readonly hooks: ReadonlyMap<string, StageHooks>
  readonly traits: ReadonlyMap<string, Readonly<Record<string, unknown>>>
  readonly routes: readonly BoundRoute<TraitRoute>[]
  /** Checks one object of a body, nested objects not included (see model/body.ts). */
  readonly body: BodyValidators
}

/** `column` of the object, type and range checks, keys: nothing is coerced. */
export interface BodyValidators {
  /** Any flexible object of a tree: own columns and relation keys are known, nothing is required. */
  readonly object: ValidateFunction
  /** What prefix hooks may leave in an object: also columns that clients cannot give. Null, or the first fault. */
  completed(data: unknown): string | null
  readonly schema: JsonSchema
  /** Columns that a client must give to create a row (no default, not generated, not filled by a relation). */
  readonly required: readonly string[]
}

export interface PermissionRule {
  /** Name of the carrying resource. */
  readonly carrier: string
  readonly key: string
  /** `perm_<key>`. */
  readonly field: string
  readonly verbs: readonly string[]
  readonly propagate: readonly (readonly string[])[]
  readonly path: readonly string[]
}

/** How a rule is reached from a row: follow `hops` (to-one relations) upwards to the carrier. */
export interface PermissionReach {
  readonly rule: PermissionRule
  /** Names of `one` relations from this resource to the carrier; empty for `self`. */
  readonly hops: readonly string[]
}

export interface StageHooks {
  readonly prefix: readonly HookBinding[]
  readonly postfix: readonly HookBinding[]
}

export interface HookBinding {
  readonly plugin: string
  readonly name: string
  readonly hook: Hook
  readonly options: Readonly<Record<string, unknown>>
  readonly settings: Readonly<Record<string, unknown>>
}

export interface BoundRoute<R> {
  readonly plugin: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly route: R
}

export type { ColumnPair }

/**
 * Lists live in two tables for each carrier, both internal:
 *   biodm_list_<table>        id (generated), the carrier's key as `of_<column>` (fk, cascade), rule (the permission's key),
 *                             verb; all but the id unique together
 *   biodm_list_entry_<table>  list_id (fk, cascade), path (fk to group, restrict); primary key both
 * A group named in a list cannot be deleted: an emptied list would open what it closed.
 */
export const listTable = (table: string): string => `biodm_list_${table}`
export const listEntryTable = (table: string): string => `biodm_list_entry_${table}`
/** Column of a list table that holds the carrier's key column `name`. */
export const listKeyColumn = (name: string): string => `of_${name}`
export const entityTable = (table: string): string => `biodm_entity_${table}`
