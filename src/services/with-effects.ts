import type { Transaction } from '../managers/database.js'
import type { Core, Effects, RequestContext } from './core.js'
import { createEffects } from './effects.js'

/** Opens the transaction, or takes part in the one that the caller is in, and settles the effects. */
export async function withEffects<T>(
  core: Core,
  request: RequestContext,
  work: (effects: Effects, transact: <R>(run: (trx: Transaction) => Promise<R>) => Promise<R>) => Promise<T>,
): Promise<T> {
  const { joined } = request
  if (joined !== null) return await work(joined.effects, (run) => run(joined.transaction))
  const effects = createEffects(request.log, core.metrics)
  let result: T
  try {
    result = await work(effects, (run) =>
      core.database.transaction(
        async (trx) => {
          await effects.attempt()
          return await run(trx)
        },
        { signal: request.signal },
      ),
    )
  } catch (error) {
    await effects.rolledBack()
    throw error
  }
  await effects.committed()
  return result
}
