import type { Core, Joined } from '../core.js'

export const READ_ONLY = 'hooks of reads only read; `ctx.afterCommit` runs what writes'

/**
 * Puts a job into the outbox with the commit of the transaction. The job must be one that a loaded plugin declares, and the
 * payload must survive JSON.
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
  joined.effects.enqueue({ job, payload: text })
}
