import type { IncomingMessage } from 'node:http'
import { INVALID_TOKEN_CHALLENGE } from '../../access/static.js'
import type { RoutePolicy } from '../../controllers/route.js'
import { BiodmError } from '../../errors.js'
import type { Authenticator, ServerContext } from '../context.js'
import type { Middleware } from './middleware.js'

/** Asks the authenticator who calls. A bad token is 401, also where none is needed, unless the route ignores tokens. */
export function authenticateWith(
  { authenticator }: Pick<ServerContext, 'authenticator'>,
  policy: RoutePolicy,
): readonly Middleware[] {
  return authenticator === null || policy.ignoreToken ? [] : [authenticateBy(authenticator)]
}

function authenticateBy({ authenticate, context }: Authenticator): Middleware {
  return async function authenticateCaller({ exchange, identity }, _response, next) {
    if (identity !== undefined) return next()
    try {
      refuseTwo(exchange.request)
      exchange.caller = await authenticate(exchange, context(exchange))
    } catch (error) {
      throw challenged(error)
    }
    return next()
  }
}

/** Node keeps the first of several lines; whoever stands in between may have judged another one. */
function refuseTwo({ headers, rawHeaders }: IncomingMessage): void {
  if (headers.authorization === undefined) return
  const isName = (text: string, index: number) => index % 2 === 0 && text.toLowerCase() === 'authorization'
  if (rawHeaders.filter(isName).length > 1) {
    throw new BiodmError('invalid_token', 'Send one Authorization header')
  }
}

/** RFC 6750: the answer to a bad token says so in its challenge. */
function challenged(error: unknown): unknown {
  if (!(error instanceof BiodmError) || error.code !== 'invalid_token') return error
  return new BiodmError('invalid_token', error.message, {
    headers: { ...INVALID_TOKEN_CHALLENGE, ...error.headers },
    cause: error,
  })
}
