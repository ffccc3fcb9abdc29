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
  /** Paths that `fields` names, as sent; null: the default shape. */
  readonly fields: readonly string[] | null
  readonly access: Access
}

/** A page of rows; with `parent`, of those related to one row. */
export interface ListPlan {
  readonly kind: 'list'
  readonly resource: string
  readonly parent: { readonly resource: string; readonly key: Key; readonly relation: string } | null
  readonly selection: Selection
  /** Paths that `fields` names, as sent; null: the default shape. */
  readonly fields: readonly string[] | null
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
  /** Paths that `fields` names, as sent; null: the default shape. */
  readonly fields: readonly string[] | null
  readonly access: Access
}

export type QueryPlan = ReadPlan | ListPlan | RelatedPlan

/**
 * A write tree, flattened. `nodes` are the objects of the body in the order they appear (parents before what they
 * hold); `rows` are what is stored: one for each node, except that nodes naming the same key share one. Positions stand
 * for references, so a plan prints and compares as data.
 */
export interface WritePlan {
  readonly kind: 'write'
  readonly nodes: readonly WriteNode[]
  readonly rows: readonly WriteRow[]
  /** Links of n–m relations, without repetition. */
  readonly links: readonly WriteLink[]
  /** Inverse one-to-one relations given as null: whatever points at the row through them is unlinked. */
  readonly unlinks: readonly WriteUnlink[]
  /** Nodes that the answer shows, in the body's order. */
  readonly answer: readonly number[]
  /** The body (or the collection) was an array. */
  readonly many: boolean
  /** The row that the path names; null for a write to the resource's own collection. */
  readonly target: WriteTarget | null
}

/** `update`: the row itself is written. `add`, `replace`: its collection `relation` is. */
export interface WriteTarget {
  /** Position in `rows`. */
  readonly row: number
  readonly mode: 'update' | 'add' | 'replace'
  readonly relation: string | null
}

/** The row that the path names, which must exist. */
export const isTarget = (plan: WritePlan, position: number): boolean => plan.target?.row === position

export interface WriteNode {
  readonly resource: string
  /** JSON pointer of the object in the body. */
  readonly pointer: string
  /** Nesting below the root of the body: hooks run by depth. */
  readonly depth: number
  readonly parent: number | null
  /** Relation of the parent that holds this object. */
  readonly via: string | null
  /** Position in `rows`. */
  readonly row: number
  /** The caller's own object, which prefix hooks may complete. */
  readonly data: Row
}

export interface WriteRow {
  readonly resource: string
  /** Of the first object that names this row. */
  readonly pointer: string
  /** Distance from the root; -1, -2… for to-one objects, which are written before what refers to them. */
  readonly level: number
  /** Stored columns as given, in canonical form; foreign keys of `links` are filled when their row is written. */
  readonly values: Readonly<Row>
  /** The complete primary key when the caller gave it. */
  readonly key: Key | null
  /** What keeps the row from being created: columns, or to-one relations. */
  readonly missing: readonly string[]
  /** Something but the key is given: an existing row is updated, not merely referred to. */
  readonly content: boolean
  /** A virtual column is given (a password): the row counts as updated although nothing of it is stored. */
  readonly virtual: boolean
  /** Foreign keys that another row of the tree supplies. */
  readonly parents: readonly RowParent[]
  /** `perm_*` fields as given. */
  readonly lists: Readonly<Row>
}

/** `columns` of the row take the values of `references` of row `from`. */
export interface RowParent {
  readonly relation: string
  readonly columns: readonly { readonly column: string; readonly references: string }[]
  readonly from: number
  /** The link was asked for from the other side: a child in its parent's array. */
  readonly inverse: boolean
}

export interface WriteLink {
  readonly resource: string
  readonly relation: string
  readonly from: number
  readonly to: number
}

export interface WriteUnlink {
  readonly relation: string
  readonly from: number
}
