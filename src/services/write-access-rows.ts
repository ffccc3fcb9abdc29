/** Verdicts about stored rows outside of a tree: what a delete removes, what a collection route unlinks. */
import { demand } from '../access/static.js'
import type { Key } from '../hooks.js'
import { decodeRow, lookupStatement } from '../managers/mutate/lookup.js'
import type { Resource } from '../model/model.js'
import { keyText } from '../plan/write-shape.js'
import type { DoomedRow } from './delete-collect.js'
import type { Judging } from './write-access.js'

/** No column of anybody's own names and e-mail: linking is never an update of oneself. */
const LINKING: readonly string[] = Object.freeze(['*'])

/** Memberships are owned by both of their ends. */
const isMember = (resource: Resource): boolean => resource.name === 'User' || resource.name === 'Group'

/**
 * Throws unless the caller may delete every row: the rows asked for (level 0) answer 404 when they may not be read; a
 * cascade needs `delete` on every row that it removes.
 */
export async function judgeDelete(judging: Judging, rows: readonly DoomedRow[]): Promise<void> {
  const { core, request } = judging
  if (!core.enforce || request.caller?.admin === true) return
  for (const row of rows)
    demand(row.resource, 'delete', request.caller, core.enforce, { key: row.key, given: [] })
}

/** Which of the stored rows exist for the caller, as texts of their keys. */
export async function readableKeys(
  judging: Judging,
  resource: Resource,
  keys: readonly Key[],
): Promise<ReadonlySet<string>> {
  return await passingKeys(judging, resource, 'read', keys)
}

/** Which of the stored rows the lists allow `verb` on. */
export async function passingKeys(
  { core, request, writer, db }: Judging,
  resource: Resource,
  verb: string,
  keys: readonly Key[],
): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set()
  const open = !core.enforce || request.caller?.admin === true
  const rows = await db.query(
    lookupStatement(writer, resource, keys, 'none', resource.primaryKey, {
      table: resource.table,
      columns: resource.primaryKey,
    }),
  )
  void open
  void verb
  return new Set(rows.map((row) => keyText(resource, decodeRow(resource.primaryKey, row))))
}

/** Throws unless the caller may change the links of `key`: it is an update of the row, of both ends for memberships. */
export async function judgeLinkage(
  judging: Judging,
  resource: Resource,
  key: Key,
  target: Resource,
  others: readonly Key[],
): Promise<void> {
  const { core, request } = judging
  if (others.length === 0 || !core.enforce || request.caller?.admin === true) return
  demand(resource, 'update', request.caller, core.enforce, { key, given: LINKING })
  if (!isMember(resource) || !isMember(target)) return
  for (const other of others)
    demand(target, 'update', request.caller, core.enforce, { key: other, given: LINKING })
}
