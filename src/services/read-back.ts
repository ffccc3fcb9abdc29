/** Rows that an operation has just written, read in its transaction: the answer of everything that writes. */
import type { Key } from '../hooks.js'
import type { Transaction } from '../managers/database.js'
import type { BackPlan } from '../managers/select/compilation.js'
import type { Resource } from '../model/model.js'
import { planShape } from '../plan/read.js'
import { type Core, derivedRequest, type Effects, type RequestContext } from './core.js'
import { hasHooks } from './hooks/run.js'
import { askerOf, select } from './read-context.js'
import { hookedRows } from './read-hooks.js'

export interface BackRequest {
  readonly resource: Resource
  readonly keys: readonly Key[]
  /** The operation that is answered: `create`, `update`, `release`. */
  readonly to: string
}

/**
 * JSON texts in the order of the keys, each as a `GET` of it would show it to the caller; null for a row that they may not
 * read. One statement, whatever the number of rows; `read` hooks run.
 */
export async function readBack(
  core: Core,
  request: RequestContext,
  trx: Transaction,
  effects: Effects,
  { resource, keys, to }: BackRequest,
): Promise<readonly (string | null)[]> {
  if (keys.length === 0) return []
  const shape = planShape(askerOf(core, request), resource)
  if (shape === null) return keys.map(() => null)
  const plan: BackPlan = Object.freeze({ kind: 'back', resource: resource.name, keys, ...shape })
  if (!hasHooks(resource, 'read', 'postfix')) {
    const rows = await select(core, trx, plan, false)
    return keys.map((_, index) => textOf(rows[index]?.[0]))
  }
  const inside = derivedRequest(request, { joined: { transaction: trx, effects } })
  return await hookedRows(core, inside, resource, { operation: 'read', to, fields: null }, async (db) => {
    const rows = await select(core, db, plan, false)
    return keys.map((key, index) => ({ json: rows[index]?.[0] ?? null, key: { ...key } }))
  })
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
