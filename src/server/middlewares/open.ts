import { randomFillSync } from 'node:crypto'
import type { Route } from '../../controllers/route.js'
import { BiodmError } from '../../errors.js'
import { acceptsJson } from '../accept.js'
import type { ServerContext } from '../context.js'
import type { Deadlines } from '../deadlines.js'
import { Exchange } from '../exchange.js'
import type { Middleware, OpenRequest, RouteMatch } from './middleware.js'

const REQUEST_ID = /^[\w.:-]{1,64}$/

/** The first link: makes the exchange, starts its clock, refuses what is too long or asks for something else than JSON. */
export function openExchange(
  { definition, log }: Pick<ServerContext, 'definition' | 'log'>,
  deadlines: Deadlines<Exchange>,
  state: { readonly draining: boolean; active: number },
): Middleware {
  const { trustProxy, limits } = definition.server
  const newId = requestIds()
  return function open(request, response, next) {
    const { route, params } = request.params as unknown as RouteMatch
    const given = request.headers['x-request-id']
    const exchange = new Exchange({
      id: typeof given === 'string' && REQUEST_ID.test(given) ? given : newId(),
      request,
      response,
      route,
      params,
      path: request.path,
      search: request.search === '' ? '' : request.search.slice(1),
      trustProxy,
      log,
      server: state,
    })
    request.exchange = exchange
    state.active += 1
    response.once('close', () => exchange.leave())
    if (request.identity !== undefined) exchange.caller = request.identity
    if (route?.body !== 'raw') deadlines.add(exchange)
    check(request, route, limits.query)
    return next()
  }
}

const ID_BYTES = 12
const IDS_AT_ONCE = 256

/** Random ids of 24 hexadecimal digits. Their bytes are drawn for many at once, which costs a fraction. */
function requestIds(): () => string {
  const bytes = Buffer.alloc(ID_BYTES * IDS_AT_ONCE)
  let used = bytes.length
  return () => {
    if (used === bytes.length) {
      randomFillSync(bytes)
      used = 0
    }
    used += ID_BYTES
    return bytes.toString('hex', used - ID_BYTES, used)
  }
}

function check(request: OpenRequest, route: Route | null, urlLimit: number): void {
  if (request.url.length > urlLimit) {
    throw new BiodmError('uri_too_long', `The URL is longer than ${urlLimit} bytes`)
  }
  if (request.httpVersionMinor === 1 && request.headers.host === undefined) {
    throw new BiodmError('bad_request', 'A request needs a Host header')
  }
  if (route?.json === true && !acceptsJson(request.headers.accept)) {
    throw new BiodmError('not_acceptable', 'Answers are application/json only')
  }
}
