import { type BodyLimits, readJson } from '../body.js'
import type { BodyBudget } from '../body-budget.js'
import type { ServerContext } from '../context.js'
import type { Deadlines } from '../deadlines.js'
import type { Exchange } from '../exchange.js'
import type { Middleware } from './middleware.js'

/** Bodies must have arrived 30 s after the headers; waiting for memory ends earlier. */
const BODY_MS = 30_000
const WAIT_MS = 15_000

/** Reads the body as JSON. Its sender's time does not count as time of the operation. */
export function readBodyWith(
  { definition: { server }, demand, bodyMs = BODY_MS }: ServerContext,
  budget: BodyBudget,
  deadlines: Deadlines<Exchange>,
): Middleware {
  const limits: BodyLimits = {
    bytes: server.bodyLimit,
    depth: server.limits.jsonDepth,
    timeMs: bodyMs,
    waitMs: WAIT_MS,
  }
  return async function readBody({ exchange }, _response, next) {
    deadlines.delete(exchange)
    try {
      const { value, lease } = await readJson(exchange.request, limits, budget)
      exchange.body = value
      exchange.lease = lease
    } catch (error) {
      demand(exchange)
      throw error
    }
    deadlines.add(exchange)
    return next()
  }
}
