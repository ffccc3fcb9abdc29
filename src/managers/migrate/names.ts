import { createHash } from 'node:crypto'

/** PostgreSQL cuts longer names. */
const MAX_BYTES = 63

/** Joined by `_`; too long a name ends in a hash of itself instead. */
function build(...parts: readonly string[]): string {
  const name = parts.join('_')
  if (Buffer.byteLength(name) <= MAX_BYTES) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 10)
  let head = name
  while (Buffer.byteLength(head) > MAX_BYTES - hash.length - 1) head = head.slice(0, -1)
  return `${head}_${hash}`
}

/** Names of constraints and indexes: the same for the same columns, so that errors and comparisons find them. */
export const primaryKeyName = (table: string): string => build(table, 'pkey')
export const uniqueName = (table: string, columns: readonly string[]): string =>
  build(table, ...columns, 'key')
export const foreignKeyName = (table: string, columns: readonly string[]): string =>
  build(table, ...columns, 'fkey')
export const checkName = (table: string, column: string): string => build(table, column, 'check')
export const indexName = (table: string, columns: readonly string[]): string =>
  build(table, ...columns, 'idx')
