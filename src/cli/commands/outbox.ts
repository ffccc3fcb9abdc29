import { listJobs, type OutboxEntry, retryJobs } from '../../managers/outbox.js'
import { createRuntime } from '../../runtime.js'
import { commandLog } from '../log.js'
import { type CommonFlags, overridesOf } from '../options.js'
import { EXIT } from '../output.js'
import type { Session } from '../run.js'

export interface OutboxFlags extends CommonFlags {
  /** true: all. */
  readonly retry?: true | readonly number[]
  readonly limit: number
}

export async function run(config: string, flags: OutboxFlags, { output }: Session): Promise<number> {
  const runtime = await createRuntime(config, {
    ...overridesOf(flags),
    log: commandLog('warn'),
    background: false,
    plugins: false,
  })
  const { database } = runtime.core
  try {
    if (flags.retry !== undefined) {
      const retried = await retryJobs(database, flags.retry === true ? null : flags.retry)
      output.out(flags.json === true ? JSON.stringify({ retried }) : `${retried} due now`)
      return EXIT.ok
    }
    const rows = await listJobs(database, flags.limit)
    if (flags.json === true) output.out(JSON.stringify(rows))
    else for (const line of rows.length === 0 ? ['Nothing waits.'] : rows.map(describe)) output.out(line)
    return EXIT.ok
  } finally {
    await runtime.close()
  }
}

function describe(row: OutboxEntry): string {
  // A process that died leaves its lease, which runs out.
  const running = row.leasedUntil !== null && Date.parse(row.leasedUntil) > Date.now()
  const state = running ? 'running' : row.lastError === null ? 'waiting' : `failed ${row.attempts} times`
  return [row.id, row.job, state, `due ${row.runAt}`, row.lastError ?? ''].join('  ').trimEnd()
}
