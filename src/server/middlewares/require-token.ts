import { CHALLENGE } from '../../access/static.js'
import type { RoutePolicy } from '../../controllers/route.js'
import { BiodmError } from '../../errors.js'
import type { Middleware } from './middleware.js'

/** `server.require_auth`: everything that is not declared public needs a token. */
export function requireToken(required: boolean, policy: RoutePolicy): readonly Middleware[] {
  return required && !policy.public ? [demandToken] : []
}

const demandToken: Middleware = ({ exchange }, _response, next) => {
  if (exchange.caller === null) {
    throw new BiodmError('authentication_required', 'This server answers callers with a token only', {
      headers: CHALLENGE,
    })
  }
  return next()
}
