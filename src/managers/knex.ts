import { createRequire } from 'node:module'
import type { Knex } from 'knex'
import type { DialectName } from '../config/definition.js'
import { withStatement } from './db-error-place.js'

/** Only hooks need knex: loading it takes longer than the rest of a start. */
const load = createRequire(import.meta.url)

/** knex's name of a dialect. */
const CLIENTS = { postgres: 'pg', sqlite: 'better-sqlite3' } as const satisfies Record<DialectName, string>

interface OpenClient {
  acquireConnection(): Promise<unknown>
  releaseConnection(): Promise<void>
  transacting: boolean
}

/**
 * A knex without a pool of its own, around the connection of a running transaction. A transaction begun on it is a
 * savepoint. `onError` hears of every statement that failed.
 */
export function boundKnex(
  dialect: DialectName,
  connection: unknown,
  onError: (error: unknown) => void = () => undefined,
): Knex {
  const { knex } = load('knex') as typeof import('knex')
  const instance = knex({
    client: CLIENTS[dialect],
    ...(dialect === 'sqlite' ? { useNullAsDefault: true } : {}),
  })
  const client = instance.client as OpenClient
  client.acquireConnection = async () => connection
  client.releaseConnection = async () => undefined
  client.transacting = true
  instance.on('query-error', (error: unknown, query: { readonly sql?: string }) => {
    onError(withStatement(error, query.sql ?? ''))
  })
  return instance
}

const ENDS =
  /^\s*(?:begin|start|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i

/** A hook's statement must not end the transaction that it is part of; savepoints are its own. */
export function refuseEnd(text: string): void {
  if (ENDS.test(text)) {
    throw new Error('the transaction of a request ends with the request: throw to roll it back')
  }
}
