/**
 * Operations of traits (`download`, `complete`…): a route of the trait carries one out on a row with `ctx.operate`. Prefix
 * hooks first, then `run` in a transaction that holds the row locked, its record in the history, postfix hooks, the commit.
 */
import { BiodmError } from '../errors.js'
import type { Key, Row } from '../hooks.js'
import { lookupRows } from '../managers/mutate/lookup.js'
import { runSteps } from '../managers/mutate/step.js'
import type { Resource } from '../model/model.js'
import type { OperationContext } from '../plugin.js'
import type { Core, RequestContext } from './core.js'
import { historySteps } from './history.js'
import { enqueue } from './hooks/enqueue.js'
import { runPrefix } from './hooks/run.js'
import { ownFaults } from './plugin-tools.js'
import { withEffects } from './with-effects.js'
import { writerOf } from './write-context.js'
import { postfixOf } from './write-hooks.js'

/** All stored columns of one row, hidden ones too; `not_found` when there is none. No access rule is asked. */
export async function loadRow(
  core: Core,
  request: RequestContext,
  resource: Resource,
  key: Key,
): Promise<Row> {
  const db = request.joined?.transaction ?? core.database
  const [row] = await lookupRows(writerOf(core), db, resource, [key], 'none')
  if (row === undefined) throw new BiodmError('not_found', `There is no such ${resource.name}`)
  return row
}

/** Which operation on which row, by the route of which plugin. */
export interface Operating {
  readonly resource: Resource
  readonly key: Key
  readonly operation: string
  readonly plugin: string
}

export async function operate<T>(
  core: Core,
  request: RequestContext,
  { resource, key, operation, plugin }: Operating,
  run: (ctx: OperationContext) => Promise<T>,
): Promise<T> {
  return await withEffects(core, request, async (effects, transact) => {
    const stored = await loadRow(core, request, resource, key)
    const item = { data: {}, parent: null, via: null, pointer: '', key, stored }
    await runPrefix(core, request, effects, { resource, operation, items: [item] })
    return await transact(async (trx) => {
      const writer = writerOf(core)
      const [row] = await lookupRows(writer, trx, resource, [key], 'update')
      if (row === undefined) throw new BiodmError('not_found', `There is no such ${resource.name}`)
      const knex = trx.knex()
      const context: OperationContext = {
        row,
        trx: knex,
        models: core.objection(knex),
        enqueue: (job, payload) => enqueue(core, { transaction: trx, effects }, job, payload),
      }
      const result = await ownFaults(plugin, () => run(context))
      const entry = { resource, keys: [key], many: false, body: null }
      await runSteps(trx, historySteps(core.model, writer, request, entry))
      const writing = { core, request, trx, effects, writer }
      await postfixOf(writing, resource, operation, [{ data: item.data, key, stored: row }])
      return result
    })
  })
}
