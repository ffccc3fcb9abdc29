/**
 * User-owned lists as a condition of SQL: which rows of one table alias the caller may `read`, `update`, `download`…
 * Every lookup goes by the unique index of a list table and the primary key of its entries; the caller's groups,
 * ancestors included, are one parameter whatever the statement touches.
 */
import type { ColumnPair, DialectName, ToOneDefinition } from '../config/definition.js'
import {
  listEntryTable,
  listKeyColumn,
  listTable,
  type Model,
  type PermissionReach,
  type Resource,
} from '../model/model.js'

/** Where a statement under construction keeps the caller's admitting paths. */
export interface PathsBinder {
  /**
   * Placeholder of `identity.admittingPaths(caller)`: a text array on PostgreSQL (`$3`), their JSON text on SQLite (`?`).
   * Called in the order of the text, once for each occurrence: SQLite binds it again each time.
   */
  paths(): string
}

/** `write` in a list covers these verbs. */
const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'delete', 'release', 'write'])

/** The verb of lists that decides about a verb of a row. */
export const listVerb = (verb: string): string => (WRITES.has(verb) ? 'write' : verb)

/** The rules whose lists decide about `verb` on rows of `resource`. */
export function reachOf(resource: Pick<Resource, 'reach'>, verb: string): readonly PermissionReach[] {
  const wanted = listVerb(verb)
  return resource.reach.filter(({ rule }) => rule.verbs.includes(wanted))
}

/**
 * Condition on the row of `alias`, a plain or quoted name that does not start with `ac`: every rule that reaches it passes for `verb`. Null: no rule does, nothing to add.
 * About this verb alone: whoever asks for `update` adds the condition for `read`.
 */
export function rowPredicate(
  model: Model,
  resource: Resource,
  verb: string,
  alias: string,
  binder: PathsBinder,
  dialect: DialectName,
): string | null {
  const conditions = reachOf(resource, verb).map((reach) =>
    listCondition(model, resource, reach, listVerb(verb), alias, binder, dialect),
  )
  return conditions.length === 0 ? null : conditions.join(' AND ')
}

/**
 * No list of this rule refuses the row: one that has entries, none of which admits the caller. A list that is absent or
 * empty restricts nothing; neither does a rule whose way up ends at an empty to-one. Written so that PostgreSQL may turn it
 * into an anti-join, by index for a page and hashed for a whole table.
 */
export function listCondition(
  model: Model,
  resource: Resource,
  reach: PermissionReach,
  verb: string,
  alias: string,
  binder: PathsBinder,
  dialect: DialectName,
): string {
  const carrier = model.resource(reach.rule.carrier)
  const { from, where } = listsOf(model, resource, reach, alias)
  const entries = quote(listEntryTable(carrier.table))
  const admitting =
    dialect === 'postgres'
      ? `= ANY(${binder.paths()}::text[])`
      : `IN (SELECT value FROM json_each(${binder.paths()}))`
  const ruled = `${where} AND acl."rule" = ${literal(reach.rule.key)} AND acl."verb" = ${literal(verb)}`
  if (dialect === 'postgres' && reach.hops.length === 0) {
    return (
      `COALESCE((SELECT bool_or(ace."path" ${admitting}) FROM ${from}` +
      ` JOIN ${entries} AS ace ON ace."list_id" = acl."id" WHERE ${ruled}), TRUE)`
    )
  }
  return (
    `NOT EXISTS (SELECT 1 FROM ${from} WHERE ${ruled}` +
    ` AND EXISTS (SELECT 1 FROM ${entries} AS ace WHERE ace."list_id" = acl."id")` +
    ` AND NOT EXISTS (SELECT 1 FROM ${entries} AS aca WHERE aca."list_id" = acl."id" AND aca."path" ${admitting}))`
  )
}

/**
 * `FROM` and `WHERE` that lead from the row of `alias` to the lists (alias `acl`) of the carrier's row. The last hop needs
 * no join: the foreign key is the carrier's key.
 */
export function listsOf(
  model: Model,
  resource: Resource,
  reach: PermissionReach,
  alias: string,
): { readonly from: string; readonly where: string } {
  const lists = `${quote(listTable(model.resource(reach.rule.carrier).table))} AS acl`
  const last = reach.hops.length - 1
  if (last < 0) {
    const own = resource.primaryKey.map(({ name }) => ({ column: name, references: name }))
    return { from: lists, where: owned(own, alias) }
  }
  let from = ''
  let where = ''
  let holder = alias
  let current = resource
  reach.hops.forEach((name, position) => {
    const hop = toOne(current, name)
    if (position === last) {
      const on = owned(hop.columns, holder)
      if (from === '') {
        from = lists
        where = on
      } else from += ` JOIN ${lists} ON ${on}`
      return
    }
    current = model.resource(hop.target)
    const next = `ach${position + 1}`
    const on = hop.columns
      .map((pair) => `${next}.${quote(pair.references)} = ${holder}.${quote(pair.column)}`)
      .join(' AND ')
    if (from === '') {
      from = `${quote(current.table)} AS ${next}`
      where = on
    } else from += ` JOIN ${quote(current.table)} AS ${next} ON ${on}`
    holder = next
  })
  return { from, where }
}

export function toOne(resource: Resource, name: string): ToOneDefinition {
  const relation = resource.relations.get(name)
  if (relation?.kind === 'one') return relation
  throw new TypeError(`${resource.name}.${name} is no to-one relation`)
}

const owned = (pairs: readonly ColumnPair[], holder: string): string =>
  pairs
    .map(({ column, references }) => `acl.${quote(listKeyColumn(references))} = ${holder}.${quote(column)}`)
    .join(' AND ')

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Keys and verbs come from the configuration, never from a request. */
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
