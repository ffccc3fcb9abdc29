/** What a plugin's `setup`, tasks and commands get of the runtime (plugin.ts `RuntimeTools`). */

import { BiodmError } from '../errors.js'
import type { BaseContext, TransactionContext } from '../hooks.js'
import { SYSTEM } from '../identity.js'
import { isBadStatement } from '../managers/db-errors.js'
import { createStore } from '../managers/store.js'
import { allFacts } from '../model/facts.js'
import type { RuntimeTools } from '../plugin.js'
import type { Core, Job, Joined, RequestContext } from './core.js'
import { enqueue } from './hooks/enqueue.js'
import { withEffects } from './with-effects.js'

export function runtimeTools(core: Core, plugin: string): RuntimeTools {
  const facts = allFacts(core.model)
  const request = systemRequest(core, plugin, new AbortController().signal)
  const tools: RuntimeTools = {
    url: () => core.url(),
    dir: core.model.definition.dir,
    adminGroup: core.model.definition.server.adminGroup,
    service: core.service({ request }),
    store: createStore(core.database, plugin),
    transaction: (run, options) => transaction(core, request, plugin, run, options),
    resource: (name: string) => facts.get(name),
    resources: Object.freeze([...facts.values()]),
  }
  return Object.freeze(tools)
}

/** A transaction of a plugin's own, or its part in the one that the request is in: models and outbox, effects run when it ends. */
export async function transaction<T>(
  core: Core,
  request: RequestContext,
  plugin: string,
  run: (ctx: TransactionContext) => Promise<T>,
  options: { readonly readonly?: boolean } = {},
): Promise<T> {
  const readonly = options.readonly === true
  return await withEffects(
    core,
    request,
    (effects, transact) =>
      transact((trx) =>
        ownFaults(
          plugin,
          () => run(transactionContext(core, { transaction: trx, effects, readonly })),
          readonly,
        ),
      ),
    { readonly },
  )
}

/** A statement of the plugin's own that no database would take is its fault, and says so. */
export async function ownFaults<T>(plugin: string, run: () => Promise<T>, readonly = false): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!isBadStatement(error, readonly)) throw error
    const message = `a statement of the plugin ${plugin} is wrong: ${error instanceof Error ? error.message : error}`
    throw new BiodmError('internal', message, { cause: error })
  }
}

function transactionContext(core: Core, joined: Joined): TransactionContext {
  const trx = joined.transaction.knex()
  return {
    trx,
    models: core.objection(trx),
    enqueue: (job, payload) => enqueue(core, joined, job, payload),
  }
}

/** The context of a job, task or command: as the system, outside any request. */
export function backgroundContext(
  core: Core,
  origin: Pick<Job, 'plugin' | 'settings'>,
  signal: AbortSignal,
): BaseContext {
  return {
    settings: origin.settings,
    managers: core.managers,
    log: core.log.child({ plugin: origin.plugin }),
    signal,
    service: core.service({ request: systemRequest(core, origin.plugin, signal) }),
  }
}

function systemRequest(core: Core, plugin: string, signal: AbortSignal): RequestContext {
  const log = core.log.child({ plugin })
  return { id: plugin, caller: SYSTEM, method: 'INTERNAL', path: `/${plugin}`, signal, log, joined: null }
}
