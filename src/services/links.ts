/** Links of n–m relations that are stored: finding and removing them. */
import type { Key, Row } from '../hooks.js'
import type { Queryable } from '../managers/database.js'
import { decodeRow, lookupStatement } from '../managers/mutate/lookup.js'
import { deleteStep, type Writer } from '../managers/mutate/rows.js'
import { runSteps } from '../managers/mutate/step.js'
import type { Model, Resource } from '../model/model.js'
import { keyText } from '../plan/write-shape.js'
import { hasHooks } from './hooks/run.js'
import type { WriteContext } from './write-context.js'
import { postfixOf } from './write-hooks.js'
import { associationOf } from './write-steps.js'

/** Keys of the rows that `from` rows are linked to, by the text of the `from` key. */
export async function linkedKeys(
  model: Model,
  writer: Writer,
  db: Queryable,
  resource: Resource,
  relationName: string,
  from: readonly Key[],
): Promise<ReadonlyMap<string, readonly Key[]>> {
  const relation = resource.relations.get(relationName)
  if (relation?.kind !== 'through' || from.length === 0) return new Map()
  const association = associationOf(model, resource.name, relationName)
  const own = from.map((key) =>
    Object.fromEntries(relation.own.map((pair) => [pair.column, key[pair.references]])),
  )
  const source = { table: association.table, columns: association.columns }
  const rows = await db.query(lookupStatement(writer, resource, own, 'none', association.own, source))
  const linked = new Map<string, Key[]>()
  for (const values of rows) {
    const row = decodeRow(association.columns, values)
    const end = (pairs: typeof relation.own): Row =>
      Object.fromEntries(pairs.map((pair) => [pair.references, row[pair.column]]))
    const owner = keyText(resource, end(relation.own))
    const keys = linked.get(owner) ?? []
    keys.push(end(relation.other))
    linked.set(owner, keys)
  }
  return linked
}

export async function unlink(
  { core, trx, writer }: WriteContext,
  resource: Resource,
  relationName: string,
  from: Key,
  to: readonly Key[],
): Promise<void> {
  if (to.length === 0) return
  const association = associationOf(core.model, resource.name, relationName)
  await runSteps(trx, [
    deleteStep(
      writer,
      association.table,
      association.columns,
      to.map((key) => association.row(from, key)),
    ),
  ])
}

/** The `unlink` hooks of the rows that a relation no longer leads to. */
export async function afterUnlink(
  context: WriteContext,
  resource: Resource,
  relationName: string,
  from: Key,
  to: readonly Key[],
): Promise<void> {
  const relation = resource.relations.get(relationName)
  if (relation === undefined || to.length === 0) return
  const target = context.core.model.resource(relation.target)
  if (!hasHooks(target, 'unlink', 'postfix')) return
  const via = { resource: resource.name, relation: relationName, key: from }
  await postfixOf(
    context,
    target,
    'unlink',
    to.map((key) => ({ data: {}, key, stored: null, via })),
  )
}
