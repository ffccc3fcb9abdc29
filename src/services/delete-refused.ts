/** Who still refers to what a refused delete would have removed: the database names one constraint at most. */
import { BiodmError } from '../errors.js'
import type { Key } from '../hooks.js'
import { lookupRows } from '../managers/mutate/lookup.js'
import type { Resource } from '../model/model.js'
import { referrersOf } from '../model/referrers.js'
import { rowIdentity } from '../plan/write-shape.js'
import type { Core, RequestContext } from './core.js'
import { byResource, collectDoomed } from './delete-collect.js'
import { writerOf } from './write-context.js'

/** The error to answer instead of `error`: with every relation that holds the rows, the same on both databases. */
export async function explainedDelete(
  core: Core,
  request: RequestContext,
  resource: Resource,
  keys: readonly Key[],
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof BiodmError) || error.code !== 'still_referenced' || request.joined !== null)
    return error
  try {
    const holding = await holders(core, resource, keys)
    if (holding.length === 0) return error
    return new BiodmError('still_referenced', `The row is still referenced by ${holding.join(' and ')}`, {
      cause: error,
    })
  } catch {
    return error
  }
}

/** `File (dataset)`: the relations through which rows that stay refer to rows that would go. */
async function holders(core: Core, resource: Resource, keys: readonly Key[]): Promise<readonly string[]> {
  const { model, database } = core
  const writer = writerOf(core)
  const doomed = await collectDoomed(model, writer, database, resource, keys, false)
  const gone = new Set(doomed.rows.map((row) => rowIdentity(row.resource, row.key)))
  const found = new Set<string>()
  for (const [target, rows] of byResource(doomed.rows)) {
    for (const { source, relation } of referrersOf(model, target)) {
      if (relation.onDelete !== 'restrict') continue
      const by = relation.columns
        .map((pair) => source.columns.get(pair.column))
        .filter((column) => column !== undefined)
      const wanted = rows.map((row) =>
        Object.fromEntries(relation.columns.map((pair) => [pair.column, row.stored[pair.references]])),
      )
      const referring = await lookupRows(writer, database, source, wanted, 'none', by)
      const stays = referring.some((row) => !gone.has(rowIdentity(source, row)))
      if (stays) found.add(`${source.name} (${relation.name})`)
    }
  }
  return [...found]
}
