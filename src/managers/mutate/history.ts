import type { StoredColumn } from './columns.js'
import { insertStep, type Writer } from './rows.js'
import type { Step } from './step.js'

/** One record of `biodm_history`. */
export interface HistoryRow {
  readonly at: string
  readonly username: string | null
  readonly method: string
  readonly path: string
  readonly resource: string
  readonly key: string
  /** JSON. */
  readonly body: unknown
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
  { name: 'body', type: 'json' },
  { name: 'request_id', type: 'text' },
])

export const historyStep = (writer: Writer, rows: readonly HistoryRow[]): Step =>
  insertStep(
    writer,
    HISTORY_TABLE,
    HISTORY_COLUMNS,
    rows.map((row) => ({ ...row })),
  )
