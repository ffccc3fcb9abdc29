import type { Transaction, TransactionOptions } from '../managers/database.js'
import { insertJobs } from '../managers/outbox.js'
import type { Core, Effects, RequestContext } from './core.js'
import { createEffects } from './effects.js'

/** Runs work in the transaction. */
export type Transact = <R>(run: (trx: Transaction) => Promise<R>) => Promise<R>

/** Opens the transaction, or takes part in the one that the caller is in, and settles the effects. */
export async function withEffects<T>(
  core: Core,
  request: RequestContext,
  work: (effects: Effects, transact: Transact) => Promise<T>,
  options: Pick<TransactionOptions, 'keyed' | 'readonly'> = {},
): Promise<T> {
  const { joined } = request
  if (joined !== null) return await work(joined.effects, (run) => run(joined.transaction))
  const effects = createEffects(request.log, core.metrics)
  let enqueued = 0
  let result: T
  try {
    result = await work(effects, (run) =>
      core.database.transaction(
        async (trx) => {
          await effects.attempt()
          const done = await run(trx)
          const jobs = effects.takeJobs()
          await insertJobs(trx, jobs)
          enqueued = jobs.length
          return done
        },
        { ...options, signal: request.signal },
      ),
    )
  } catch (error) {
    await effects.rolledBack()
    throw error
  }
  if (enqueued > 0) core.wakeOutbox()
  await effects.committed()
  return result
}
