import { insertJob } from '../../managers/outbox.js'
import type { Core, Joined } from '../core.js'

export const READ_ONLY = 'hooks of reads only read; `ctx.afterCommit` runs what writes'

/**
 * Writes a job into the outbox in the given transaction; the worker is woken after the commit. The job must be one that a
 * loaded plugin declares, and the payload must survive JSON.
 */
export async function enqueue(core: Core, joined: Joined, job: string, payload: unknown): Promise<void> {
  if (joined.readonly === true) throw new Error(`the job "${job}" cannot be enqueued: ${READ_ONLY}`)
  if (!core.jobs.has(job)) {
    throw new Error(
      `no plugin declares the job "${job}" (known: ${[...core.jobs.keys()].join(', ') || 'none'})`,
    )
  }
  const text = JSON.stringify(payload ?? null)
  if (text === undefined) throw new TypeError(`the payload of job "${job}" is not JSON`)
  await insertJob(joined.transaction, job, text)
  joined.effects.afterCommit(() => core.wakeOutbox(), `outbox ${job}`)
}
