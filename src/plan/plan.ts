/**
 * Plans: what a request will do, as plain immutable data that a test can print. Made from payload, model and
 * identity without touching the database; every error that needs no stored row is found here.
 */
import type { Key, Row } from '../hooks.js'

export type Scalar = string | number | boolean | null

/** Rows that the caller may see: everything, or what lists admit for these paths (identity.admittingPaths). */
export type Access = { readonly kind: 'all' } | { readonly kind: 'lists'; readonly paths: readonly string[] }

/** Which columns and relations are shown. Relations whose target may not be read are already gone. */
export interface Selection {
  readonly columns: readonly string[]
  /** `perm_*` fields; null for callers who may not update the object. */
  readonly permissions: readonly string[]
  readonly relations: readonly RelatedSelection[]
}
export interface RelatedSelection {
  readonly relation: string
  readonly selection: Selection
}

/** Conditions ANDed; those under one relation hold for the same related row. */
export interface Filter {
  readonly conditions: readonly Condition[]
  readonly relations: readonly { readonly relation: string; readonly filter: Filter }[]
}

export type Condition =
  /** Equal to any of `values`, or like any of `patterns`. */
  | {
      readonly kind: 'equals'
      readonly column: string
      readonly values: readonly Scalar[]
      readonly patterns: readonly Pattern[]
    }
  | {
      readonly kind: 'compare'
      readonly column: string
      readonly operator: 'lt' | 'le' | 'gt' | 'ge' | 'ne'
      readonly value: Scalar
    }
  | { readonly kind: 'null'; readonly column: string; readonly not: boolean }
  /** A to-one relation itself: `project.null()`. */
  | { readonly kind: 'relation_null'; readonly relation: string; readonly not: boolean }
  | { readonly kind: 'extreme'; readonly column: string; readonly function: 'min' | 'max' }
  /** `by`: the other own columns filtered on; their conditions are those of the same filter. */
  | {
      readonly kind: 'extreme_among'
      readonly column: string
      readonly function: 'min' | 'max'
      readonly by: readonly string[]
    }
  | { readonly kind: 'extreme_version'; readonly function: 'min' | 'max' }

/** Literal pieces between wildcards: `ds_*` is `['ds_', '']`. Case is folded when it is matched. */
export interface Pattern {
  readonly pieces: readonly string[]
}

export interface Sort {
  /** To-one relations on the way. */
  readonly path: readonly string[]
  readonly column: string
  readonly descending: boolean
}

/** One row by its key. */
export interface ReadPlan {
  readonly kind: 'read'
  readonly resource: string
  readonly key: Key
  readonly selection: Selection
  readonly access: Access
}

/** A page of rows; with `parent`, of those related to one row. */
export interface ListPlan {
  readonly kind: 'list'
  readonly resource: string
  readonly parent: { readonly resource: string; readonly key: Key; readonly relation: string } | null
  readonly selection: Selection
  readonly filter: Filter
  readonly sort: readonly Sort[]
  readonly start: number
  readonly end: number
  readonly count: boolean
  readonly access: Access
}

/** A to-one relation of one row. */
export interface RelatedPlan {
  readonly kind: 'related'
  readonly resource: string
  readonly key: Key
  readonly relation: string
  readonly selection: Selection
  readonly access: Access
}

export type QueryPlan = ReadPlan | ListPlan | RelatedPlan

/**
 * One object of a write tree, flattened. `parent` and `children` are positions in the plan's node list, so a plan
 * prints and compares as data.
 */
export interface WriteNode {
  readonly resource: string
  /** JSON pointer of the object in the body. */
  readonly pointer: string
  /** Distance from the root; -1, -2… for to-one objects, which are written before what refers to them. */
  readonly level: number
  /** Values by column as given (foreign keys filled from nested to-one objects with a complete key). */
  readonly values: Readonly<Row>
  /** The complete primary key when the caller gave it. */
  readonly key: Key | null
  /** All required columns are there: may be created. */
  readonly complete: boolean
  readonly missing: readonly string[]
  /** Foreign keys that another node of the tree will supply. */
  readonly links: readonly NodeLink[]
}

/** `columns` of this node are filled from the key of node `from`. */
export interface NodeLink {
  readonly relation: string
  readonly from: number
}
