/** What all parts of a statement under construction share: the model, the dialect, the parameters, fresh aliases. */
import type { DialectName } from '../../config/definition.js'
import type { Key } from '../../hooks.js'
import type { Column, Model, PermissionReach, Relation, Resource } from '../../model/model.js'
import type { Access, QueryPlan, Selection } from '../../plan/plan.js'
import { listCondition, type PathsBinder, rowPredicate } from '../access.js'
import { DIALECTS, type Dialect, quote } from './dialect.js'
import { Parameters } from './parameters.js'
import { demandsOf } from './visibility.js'

/** Rows just written, by key, as their writer may see them. */
export interface BackPlan {
  readonly kind: 'back'
  readonly resource: string
  readonly keys: readonly Key[]
  readonly selection: Selection
  readonly access: Access
}

export type SelectPlan = QueryPlan | BackPlan

export interface Compilation {
  readonly model: Model
  readonly dialect: Dialect
  readonly parameters: Parameters<SelectPlan>
  /** The caller's paths; null: the caller passes every check. */
  readonly binder: PathsBinder | null
  /** A table alias that nothing else in the statement uses. */
  alias(): string
  /** Conditions under which the caller may `verb` the row of `alias`, as far as lists go; none: always. */
  allowed(resource: Resource, verb: string, alias: string): readonly string[]
  /** `read` on the row of `alias`. */
  readable(resource: Resource, alias: string): readonly string[]
}

export function compilation(model: Model, dialectName: DialectName, access: Access['kind']): Compilation {
  const dialect = DIALECTS[dialectName]
  const parameters = new Parameters<SelectPlan>()
  const paths = () =>
    parameters.shared('paths', ({ access: { kind, ...rest } }) =>
      kind === 'lists' && 'paths' in rest ? dialect.paths(rest.paths) : null,
    )
  const binder = access === 'all' ? null : { paths }
  let aliases = 0
  const allowed = (resource: Resource, verb: string, alias: string): readonly string[] => {
    if (binder === null) return []
    const predicate = rowPredicate(model, resource, verb, alias, binder, dialectName)
    return predicate === null ? [] : [predicate]
  }
  return {
    model,
    dialect,
    parameters,
    binder,
    alias: () => `t${aliases++}`,
    allowed,
    readable: (resource, alias) => allowed(resource, 'read', alias),
  }
}

/** `alias."column"`. */
export const at = (alias: string, column: string): string => `${alias}.${quote(column)}`

export const table = (resource: Resource, alias: string): string => `${quote(resource.table)} AS ${alias}`

export const where = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`

/** The related rows of the row of `from`: `alias` names them. */
export interface RelatedRows {
  readonly target: Resource
  readonly alias: string
  /** Table expression of the related rows, with the association for an n–m relation. */
  readonly source: string
  /** What ties them to the row of `from`. */
  readonly ties: readonly Tie[]
  /** The ties as conditions, and what the caller may read of the related rows. */
  readonly conditions: readonly string[]
  /** What must hold of the row of `from` for any related row to be readable. */
  readonly hoisted: readonly string[]
  /** Of the related rows alone. */
  readonly readable: readonly string[]
  /** The primary key, ascending, read where an index has it in order: an association's own columns. */
  readonly order: string
}

/** A column on the side of the related rows, and the one of the row they belong to that it equals. */
export interface Tie {
  readonly related: string
  readonly own: string
}

/** `holder`: the resource of `from`, whose row the caller may read. */
export function relatedRows(c: Compilation, holder: Resource, relation: Relation, from: string): RelatedRows {
  const target = c.model.resource(relation.target)
  const alias = c.alias()
  const { source, ties, linked } = tied(c, relation, target, alias)
  const { own, hoisted } = demandsOf(c.model, holder, relation)
  const passes = (resource: Resource, reaches: readonly PermissionReach[], of: string) => {
    const { binder } = c
    if (binder === null) return []
    return reaches.map((reach) => listCondition(c.model, resource, reach, 'read', of, binder, c.dialect.name))
  }
  const readable = [
    ...passes(target, own, alias),
    ...newest(c, relation, target, alias, (other) => passes(target, own, other)),
  ]
  return {
    target,
    alias,
    source,
    ties,
    conditions: [...ties.map((tie) => `${tie.related} = ${at(from, tie.own)}`), ...readable],
    hoisted: passes(holder, hoisted, from),
    readable,
    // Of a database that others made, an association's columns may sort in another way.
    order: keyOrder(c, target, alias, c.model.definition.database.migrate === 'off' ? NOT_LINKED : linked),
  }
}

/** Versions of a row may share what it points at: seen from there, the newest that may be read is the one. */
function newest(
  c: Compilation,
  relation: Relation,
  target: Resource,
  alias: string,
  readable: (alias: string) => readonly string[],
): readonly string[] {
  if (relation.kind !== 'inverse_one' || target.versioned === false) return []
  const other = c.alias()
  const conditions = [
    ...relation.columns.map(({ column }) => `${at(other, column)} = ${at(alias, column)}`),
    `${at(other, 'version')} > ${at(alias, 'version')}`,
    ...readable(other),
  ]
  return [`NOT EXISTS (SELECT 1 FROM ${table(target, other)}${where(conditions)})`]
}

const NOT_LINKED: ReadonlyMap<string, string> = new Map()

/** `linked`: the columns of the association that equal columns of the target, by their names there. */
function tied(
  c: Compilation,
  relation: Relation,
  target: Resource,
  alias: string,
): { readonly source: string; readonly ties: readonly Tie[]; readonly linked: ReadonlyMap<string, string> } {
  if (relation.kind === 'one') {
    const ties = relation.columns.map(({ column, references }) => ({
      related: at(alias, references),
      own: column,
    }))
    return { source: table(target, alias), ties, linked: NOT_LINKED }
  }
  if (relation.kind !== 'through') {
    const ties = relation.columns.map(({ column, references }) => ({
      related: at(alias, column),
      own: references,
    }))
    return { source: table(target, alias), ties, linked: NOT_LINKED }
  }
  const link = c.alias()
  const linked = new Map(relation.other.map(({ column, references }) => [references, at(link, column)]))
  const on = [...linked].map(([references, column]) => `${column} = ${at(alias, references)}`)
  const source = `${quote(relation.table)} AS ${link} JOIN ${table(target, alias)} ON ${on.join(' AND ')}`
  return {
    source,
    ties: relation.own.map(({ column, references }) => ({ related: at(link, column), own: references })),
    linked,
  }
}

export function relationNamed(resource: Resource, name: string): Relation {
  const relation = resource.relations.get(name)
  if (relation === undefined) throw new TypeError(`${resource.name} has no relation ${name}`)
  return relation
}

export function columnNamed(resource: Resource, name: string): Column {
  const column = resource.columns.get(name)
  if (column === undefined) throw new TypeError(`${resource.name} has no column ${name}`)
  return column
}

/** The primary key, ascending: what breaks ties and orders embedded arrays. `linked`: columns found elsewhere, with the same values. */
export const keyOrder = (
  c: Compilation,
  resource: Resource,
  alias: string,
  linked: ReadonlyMap<string, string> = NOT_LINKED,
): string =>
  resource.primaryKey
    .map((column) => c.dialect.comparable(column, linked.get(column.name) ?? at(alias, column.name)))
    .join(', ')
