/** Where a decision about one row comes from: the rows that carry the lists and what the lists say. */
import type { Key } from '../hooks.js'
import {
  listEntryTable,
  listKeyColumn,
  listTable,
  type Model,
  type PermissionReach,
  type Resource,
} from '../model/model.js'
import { toOne } from './access.js'
import type { Queryable } from './database.js'
import { names, quote } from './mutate/columns.js'
import { decodeRow, keysText, postgresMatch, sqliteMatch } from './mutate/lookup.js'
import type { Writer } from './mutate/rows.js'

/** What one rule says about one row. `carrier` null: the way up ends at an empty to-one, so the rule does not reach it. */
export interface ReachedLists {
  readonly reach: PermissionReach
  readonly carrier: Key | null
  /** verb → paths; verbs without a list, or with an empty one, are absent. */
  readonly lists: ReadonlyMap<string, readonly string[]>
}

export async function reachedLists(
  model: Model,
  writer: Writer,
  db: Queryable,
  resource: Resource,
  key: Key,
  reach: PermissionReach,
): Promise<ReachedLists> {
  const carrier = model.resource(reach.rule.carrier)
  const named = writer.texts.get(
    `explain ${resource.name} ${reach.rule.carrier}.${reach.rule.key} ${reach.hops.join('.')}`,
    () => explainText(model, writer, resource, reach),
  )
  const rows = await db.query({ ...named, values: [keysText(writer, resource.primaryKey, [key])] })
  const [first] = rows
  const width = carrier.primaryKey.length
  const lists = new Map<string, string[]>()
  for (const row of rows) {
    const [verb, path] = row.slice(width)
    if (typeof verb !== 'string' || typeof path !== 'string') continue
    const paths = lists.get(verb)
    if (paths === undefined) lists.set(verb, [path])
    else paths.push(path)
  }
  for (const paths of lists.values()) paths.sort()
  return { reach, carrier: first === undefined ? null : decodeRow(carrier.primaryKey, first), lists }
}

function explainText(model: Model, writer: Writer, resource: Resource, reach: PermissionReach): string {
  const joins: string[] = []
  let current = resource
  let alias = 't'
  reach.hops.forEach((hop, index) => {
    const relation = toOne(current, hop)
    const next = `ach${index + 1}`
    const on = relation.columns.map(
      ({ column, references }) => `${next}.${quote(references)} = ${alias}.${quote(column)}`,
    )
    current = model.resource(relation.target)
    joins.push(`JOIN ${quote(current.table)} AS ${next} ON ${on.join(' AND ')}`)
    alias = next
  })
  const owned = current.primaryKey.map(
    ({ name }) => `acl.${quote(listKeyColumn(name))} = ${alias}.${quote(name)}`,
  )
  const rule = `acl."rule" = '${reach.rule.key.replaceAll("'", "''")}'`
  const lists = quote(listTable(current.table))
  const entries = quote(listEntryTable(current.table))
  const match =
    writer.dialect === 'postgres' ? postgresMatch(resource.primaryKey) : sqliteMatch(resource.primaryKey)
  const [joined, where] = match.startsWith('JOIN') ? [match, ''] : ['', match]
  return (
    `SELECT ${names(current.primaryKey, `${alias}.`)}, acl."verb", ace."path" FROM ${quote(resource.table)} AS t ${joined} ${joins.join(' ')}` +
    ` LEFT JOIN ${lists} AS acl ON ${[...owned, rule].join(' AND ')}` +
    ` LEFT JOIN ${entries} AS ace ON ace."list_id" = acl."id" ${where}`
  )
}
