/** One statement on one connection, and what its failure means for the connection and for a second attempt. */
import type pg from 'pg'
import type { Statement } from './database.js'
import { withStatement } from './db-error-place.js'
import { driverCode, isConnectionLoss } from './db-errors.js'

/** Codes of transactions that another one undid. */
export const UNDONE = new Set(['40001', '40P01'])

export interface Answer<R> {
  readonly rows: R[]
  readonly rowCount: number | null
}

/** The driver's own limit, for a server that no longer answers; statements that may take long have none. */
export const UNLIMITED = Object.freeze({ query_timeout: 2 ** 31 - 1 })

export async function send<R>(
  client: pg.ClientBase,
  statement: Statement,
  arrays: boolean,
  limits: object = {},
): Promise<Answer<R>> {
  const { text, name, values } = statement
  try {
    const config = { text, values: values as unknown[], ...(name === undefined ? {} : { name }), ...limits }
    // The driver's types tie row shape to a literal `rowMode`.
    const answer = arrays ? await client.query({ ...config, rowMode: 'array' }) : await client.query(config)
    return answer as unknown as Answer<R>
  } catch (error) {
    throw withStatement(error, text)
  }
}

/** The connection is not to be used again. */
export function isBroken(error: unknown): boolean {
  const code = driverCode(error)
  return code === undefined || isConnectionLoss(error) || isStale(error)
}

/** The statement was refused before it ran, because what the connection has prepared is missing or of other tables. */
export function isStale(error: unknown): boolean {
  const code = driverCode(error)
  if (code !== '0A000') return code === '26000'
  const { routine } = error as { readonly routine?: string }
  return routine === 'RevalidateCachedQuery'
}

/** `sent`: the statement may be sent twice. Refused and undone statements always may: they did nothing. */
export function mayRepeat(error: unknown, sent: boolean): boolean {
  const code = driverCode(error)
  if (isStale(error) || (code !== undefined && UNDONE.has(code))) return true
  return sent && isConnectionLoss(error)
}

/** in_failed_sql_transaction */
export const ABORTED = '25P02'
