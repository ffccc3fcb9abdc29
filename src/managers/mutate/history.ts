import { names, quote, type StoredColumn } from './columns.js'
import type { Writer } from './rows.js'
import type { Step } from './step.js'

/** One record of `biodm_history`. */
export interface HistoryRow {
  /** ISO 8601, UTC. */
  readonly at: string
  readonly username: string | null
  readonly method: string
  readonly path: string
  readonly resource: string
  /** As in paths; null when the request was about several objects. */
  readonly key: string | null
  /** JSON array of keys, null when there is one. */
  readonly keys: string | null
  /** JSON text; null for a delete. */
  readonly body: string | null
  readonly request_id: string
}

export const HISTORY_TABLE = 'biodm_history'

export const HISTORY_COLUMNS: readonly StoredColumn[] = Object.freeze([
  { name: 'at', type: 'datetime' },
  { name: 'username', type: 'text' },
  { name: 'method', type: 'text' },
  { name: 'path', type: 'text' },
  { name: 'resource', type: 'text' },
  { name: 'key', type: 'text' },
  { name: 'keys', type: 'text' },
  { name: 'body', type: 'text' },
  { name: 'request_id', type: 'text' },
])

/** Plain parameters: the body is long, and would be escaped once more inside a JSON one. */
export function historyStep(writer: Writer, row: HistoryRow): Step {
  const named = writer.texts.get('history', () => {
    const places = HISTORY_COLUMNS.map((_, index) => (writer.dialect === 'postgres' ? `$${index + 1}` : '?'))
    return `INSERT INTO ${quote(HISTORY_TABLE)} (${names(HISTORY_COLUMNS)}) VALUES (${places.join(', ')})`
  })
  return { ...named, values: [historyValues(row)] }
}

export const historyValues = (row: HistoryRow): readonly unknown[] =>
  HISTORY_COLUMNS.map(({ name }) => row[name as keyof HistoryRow])
