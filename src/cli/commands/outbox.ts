import { type Command, InvalidArgumentError } from 'commander'
import { listJobs, type OutboxEntry, retryJobs } from '../../managers/outbox.js'
import { createRuntime } from '../../runtime.js'
import {
  type CommonFlags,
  commandLog,
  configArgument,
  overridesOf,
  withDatabase,
  withJson,
} from '../options.js'
import { EXIT } from '../output.js'
import type { Session } from '../run.js'

interface Flags extends CommonFlags {
  readonly retry?: true | readonly number[]
  readonly limit: number
}

export function addOutbox(program: Command, session: Session): void {
  const command = program
    .command('outbox')
    .description('effects on other systems that wait, or failed and will be tried again')
    .addArgument(configArgument())
    .option('--retry [ids]', 'make all of them due now, or those named (1,2,3)', ids)
    .option('--limit <rows>', 'how many to list', positive, 100)
    .action(async (config: string, flags: Flags) => {
      session.exit = await run(config, flags, session)
    })
  withJson(withDatabase(command))
}

async function run(config: string, flags: Flags, { output }: Session): Promise<number> {
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
  const state =
    row.leasedUntil !== null ? 'running' : row.lastError === null ? 'waiting' : `failed ${row.attempts} times`
  return [row.id, row.job, state, `due ${row.runAt}`, row.lastError ?? ''].join('  ').trimEnd()
}

function ids(text: string): readonly number[] {
  const list = text.split(',').map(Number)
  if (list.every((id) => Number.isSafeInteger(id) && id > 0)) return list
  throw new InvalidArgumentError('give the numbers of outbox rows: 1,2,3')
}

function positive(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new InvalidArgumentError('give a number from 1')
}
