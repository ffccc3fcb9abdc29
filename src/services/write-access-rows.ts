/** Verdicts about stored rows outside of a tree: what a delete removes, what a collection route unlinks. */
import { demand, lacking, refusal } from '../access/static.js'
import { BiodmError } from '../errors.js'
import type { Key } from '../hooks.js'
import { admittingPaths } from '../identity.js'
import { reachOf } from '../managers/access.js'
import { AccessChecks } from '../managers/access-checks.js'
import { decodeRow, lookupStatement } from '../managers/mutate/lookup.js'
import type { Resource } from '../model/model.js'
import { keyOf, keyText } from '../plan/write-shape.js'
import type { Doomed } from './delete-collect.js'
import type { Judging } from './write-access.js'
import { isMember, LINKING } from './write-access-links.js'

const isOpen = ({ core, request }: Judging): boolean => !core.enforce || request.caller?.admin === true

const checksOf = ({ core, request, writer }: Judging): AccessChecks =>
  new AccessChecks(core.model, writer, admittingPaths(request.caller))

/**
 * Throws unless the caller may delete every row: the rows asked for (level 0) answer 404 when they may not be read; a
 * cascade needs `delete` on every row that it removes, and `update` on every row that stays with a cleared foreign key:
 * without it, deleting what carries lists would open the rows that they close.
 */
export async function judgeDelete(judging: Judging, doomed: Doomed): Promise<void> {
  if (isOpen(judging)) return
  const { core, request, db } = judging
  const { caller } = request
  const { rows } = doomed
  const cleared = clearedRows(doomed)
  for (const { resource, key } of rows) demand(resource, 'delete', caller, core.enforce, { key, given: [] })
  const checks = checksOf(judging)
  for (const { resource, key, level } of rows) {
    if (level === 0) checks.askVerb(resource, key, 'read')
    checks.askVerb(resource, key, 'delete')
  }
  for (const { resource, key } of cleared) for (const verb of CHANGING) checks.askVerb(resource, key, verb)
  await checks.run(db)
  const passes = (verb: string) => (row: { readonly resource: Resource; readonly key: Key }) =>
    checks.passesVerb(row.resource, row.key, verb)
  const unreadable = rows.filter(({ level }) => level === 0).find((row) => !passes('read')(row))
  if (unreadable !== undefined) {
    throw new BiodmError('not_found', `There is no such ${unreadable.resource.name}`)
  }
  const kept = rows.find((row) => !passes('delete')(row))
  if (kept !== undefined) throw refusal(lacking(caller), kept.resource.name, 'delete')
  for (const { resource, key, given } of cleared) {
    for (const verb of CHANGING) demand(resource, verb, caller, core.enforce, { key, given })
  }
  const fixed = cleared.find((row) => !CHANGING.every((verb) => passes(verb)(row)))
  if (fixed !== undefined) throw refusal(lacking(caller), fixed.resource.name, 'update')
}

/** Rows that stay, and the columns of theirs that are cleared. */
function clearedRows({ released }: Doomed) {
  return released.flatMap(({ referrer: { source, relation }, rows }) =>
    rows.flatMap((row) => {
      const key = keyOf(source, row)
      const given = relation.columns.map((pair) => pair.column)
      return key === null ? [] : [{ resource: source, key, given }]
    }),
  )
}

/** What a changed row needs. */
const CHANGING = ['read', 'update'] as const

/** Which of the stored rows exist for the caller, as texts of their keys. */
export async function readableKeys(
  judging: Judging,
  resource: Resource,
  keys: readonly Key[],
): Promise<ReadonlySet<string>> {
  return await passingKeys(judging, resource, 'read', keys)
}

/** Which of the keys are of stored rows that the lists allow `verb` on. */
export async function passingKeys(
  judging: Judging,
  resource: Resource,
  verb: string,
  keys: readonly Key[],
): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set()
  const { writer, db } = judging
  if (isOpen(judging) || reachOf(resource, verb).length === 0) {
    const { table, primaryKey } = resource
    const source = { table, columns: primaryKey }
    const rows = await db.query(lookupStatement(writer, resource, keys, 'none', primaryKey, source))
    return new Set(rows.map((row) => keyText(resource, decodeRow(primaryKey, row))))
  }
  const checks = checksOf(judging)
  for (const key of keys) checks.askVerb(resource, key, verb)
  await checks.run(db)
  return new Set(
    keys.filter((key) => checks.passesVerb(resource, key, verb)).map((key) => keyText(resource, key)),
  )
}

/** Throws unless the caller may change the links of `key`: it is an update of the row, of both ends for memberships. */
export async function judgeLinkage(
  judging: Judging,
  resource: Resource,
  key: Key,
  target: Resource,
  others: readonly Key[],
): Promise<void> {
  if (others.length === 0 || isOpen(judging)) return
  const both = isMember(resource) && isMember(target)
  const rows = [{ end: resource, key }, ...(both ? others.map((other) => ({ end: target, key: other })) : [])]
  const { core, request, db } = judging
  for (const { end, key: row } of rows)
    demand(end, 'update', request.caller, core.enforce, { key: row, given: LINKING })
  const checks = checksOf(judging)
  for (const { end, key: row } of rows) checks.askVerb(end, row, 'update')
  await checks.run(db)
  const refused = rows.find(({ end, key: row }) => !checks.passesVerb(end, row, 'update'))
  if (refused !== undefined) throw refusal(lacking(request.caller), refused.end.name, 'update')
}
