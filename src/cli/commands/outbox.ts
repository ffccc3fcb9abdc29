import { loadDefinition } from '../../config/load.js'
import type { Database } from '../../managers/database.js'
import { openToLook } from '../../managers/open.js'
import { hasOutbox, listJobs, type OutboxEntry, retryJobs } from '../../managers/outbox.js'
import { loadPlugin } from '../../registry.js'
import { commandLog } from '../log.js'
import { type CommonFlags, definitionOverrides } from '../options.js'
import { EXIT } from '../output.js'
import type { Session } from '../run.js'

export interface OutboxFlags extends CommonFlags {
  /** true: all. */
  readonly retry?: true | readonly number[]
  readonly limit: number
}

/** Makes no tables and no database: where none are, nothing waits. */
export async function run(config: string, flags: OutboxFlags, { output }: Session): Promise<number> {
  const { database: settings } = await loadDefinition(config, {
    loadPlugin,
    overrides: definitionOverrides(flags),
  })
  const database = await openToLook(settings, { log: commandLog('warn'), timeoutMs: STATEMENT_MS })
  try {
    const lines = flags.retry === undefined ? list : retry
    for (const line of await lines(database, flags, await hasOutbox(database))) output.out(line)
    return EXIT.ok
  } finally {
    await database.close()
  }
}

async function retry(database: Database, flags: OutboxFlags, made: boolean): Promise<readonly string[]> {
  const chosen = flags.retry === true ? null : (flags.retry ?? null)
  const retried = made ? await retryJobs(database, chosen) : 0
  return [flags.json === true ? JSON.stringify({ retried }) : `${retried} due now`]
}

async function list(database: Database, flags: OutboxFlags, made: boolean): Promise<readonly string[]> {
  const rows = made ? await listJobs(database, flags.limit) : []
  if (flags.json === true) return [JSON.stringify(rows)]
  return rows.length === 0 ? ['Nothing waits.'] : rows.map(describe)
}

const STATEMENT_MS = 30_000

function describe(row: OutboxEntry): string {
  // A process that died leaves its lease, which runs out.
  const running = row.leasedUntil !== null && Date.parse(row.leasedUntil) > Date.now()
  const state = running ? 'running' : row.lastError === null ? 'waiting' : `failed ${row.attempts} times`
  return [row.id, row.job, state, `due ${row.runAt}`, row.lastError ?? ''].join('  ').trimEnd()
}
