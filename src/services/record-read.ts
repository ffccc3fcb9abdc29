/** `history: { reads: true }`: who read what, written once the read has succeeded and before it is answered. */
import { type HistoryRow, historyStep } from '../managers/mutate/history.js'
import type { Core, RequestContext } from './core.js'
import { writerOf } from './write-context.js'

/** `key`: of the row as the path has it, null for a list. */
export async function recordRead(
  core: Core,
  request: RequestContext,
  resource: string,
  key: string | null,
): Promise<void> {
  const row: HistoryRow = {
    at: new Date().toISOString(),
    username: request.caller?.username ?? null,
    method: request.method,
    path: request.path,
    resource,
    key,
    keys: null,
    body: null,
    request_id: request.id,
  }
  const { text, name, values } = historyStep(writerOf(core), row)
  await core.database.write({ text, values: values[0] ?? [], ...(name === undefined ? {} : { name }) })
}
