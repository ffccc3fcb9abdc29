/**
 * The application: polka runs the chain of a route, our router finds it. Each route has its chain from the start, with
 * only the middlewares that it needs, so nothing is decided twice.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import polka from 'polka'
import type { Route } from '../controllers/route.js'
import { BiodmError } from '../errors.js'
import type { Caller } from '../identity.js'
import { createBodyBudget } from './body-budget.js'
import type { ServerContext } from './context.js'
import { createDeadlines } from './deadlines.js'
import type { Exchange } from './exchange.js'
import { authenticateWith } from './middlewares/authenticate.js'
import { readBodyWith } from './middlewares/body.js'
import { corsFor } from './middlewares/cors.js'
import { type Middleware, type OpenRequest, RouteMatch } from './middlewares/middleware.js'
import { openExchange } from './middlewares/open.js'
import { requireToken } from './middlewares/require-token.js'
import { respond, respondError } from './respond.js'
import { createRouter, type Match } from './router.js'

export interface App {
  /** `identity`: who asks, for in-process requests; undefined: the authenticator decides. */
  handle(request: IncomingMessage, response: ServerResponse, identity?: Caller): void
  /** Requests under way. */
  readonly active: number
  /** From now on every answer is the last of its connection. */
  drain(): void
  close(): void
}

const MEGABYTE = 1024 * 1024

export function createApp(context: ServerContext): App {
  const { server } = context.definition
  const state = { draining: false, active: 0 }
  const finish = (exchange: Exchange, sent: boolean): void => {
    deadlines.delete(exchange)
    if (!sent) return
    state.active -= 1
    const seconds = (performance.now() - exchange.started) / 1_000
    context.metrics.request(exchange.route, exchange.response.statusCode, seconds)
  }
  const fail = (exchange: Exchange, error: unknown): void => {
    finish(exchange, respondError(exchange, error))
  }
  const deadlines = createDeadlines<Exchange>(server.timeoutMs, (exchange) => {
    const error = new BiodmError('timeout', `The request took longer than ${server.timeoutMs} ms`)
    exchange.abort(error)
    fail(exchange, error)
  })
  const budget = createBodyBudget(Math.max(32 * MEGABYTE, 2 * server.bodyLimit))
  const cors = corsFor(server.cors)
  const before = [openExchange(context, deadlines, state), ...(cors === null ? [] : [cors])]
  const readBody = readBodyWith(context, budget, deadlines)

  const run: Middleware = async ({ exchange }) => {
    const answer = await (exchange.route as Route).run(exchange)
    finish(exchange, respond(exchange, answer))
    exchange.lease?.release()
  }
  const chain = (route: Route): Chain =>
    complete([
      ...before,
      ...authenticateWith(context, route.policy),
      ...requireToken(server.requireAuth, route.policy),
      ...(route.body === 'json' ? [readBody] : []),
      run,
    ])
  const router = createRouter(
    context.routes.map((route) => ({
      method: route.method,
      template: route.template,
      route,
      handlers: chain(route),
    })),
    server.basePath,
  )
  const refusals = {
    none: complete([...before, refuse(new BiodmError('not_found', 'There is nothing at this path'))]),
    malformed: complete([
      ...before,
      refuse(new BiodmError('invalid_id', 'The path is not percent-encoded UTF-8: write % as %25')),
    ]),
  }
  const otherMethod = (method: string, methods: readonly string[]): Chain => {
    const allow = allowed(methods)
    if (method !== 'OPTIONS') return complete([...before, refuse(methodNotAllowed(method, allow))])
    const options: Middleware = ({ exchange }) =>
      finish(exchange, respond(exchange, { status: 204, headers: { Allow: allow } }))
    return complete([...before, options])
  }
  const handlers = (method: string, match: Match<unknown>): Chain =>
    match.kind === 'method' ? otherMethod(method, match.methods) : refusals[match.kind as 'none']

  const app = polka<OpenRequest>({
    onError: (error, { exchange }) => {
      fail(exchange, error)
      exchange.lease?.release()
    },
  })
  app.parse = parseUrl
  app.find = ((method: string, path: string) => {
    if (path === '*' && method === 'OPTIONS') return { params: NO_MATCH, handlers: otherMethod(method, []) }
    const match = router.find(method === 'HEAD' ? 'GET' : method, path)
    if (match.kind !== 'route') return { params: NO_MATCH, handlers: handlers(method, match) }
    return { params: new RouteMatch(match.route.route, match.params), handlers: match.route.handlers }
  }) as unknown as typeof app.find
  const { handler } = app as unknown as { handler: (request: unknown, response: unknown) => void }
  return {
    handle(request, response, identity) {
      if (identity !== undefined) (request as unknown as OpenRequest).identity = identity
      handler(request, response)
    },
    get active() {
      return state.active
    },
    drain() {
      state.draining = true
    },
    close: () => deadlines.clear(),
  }
}

/** The links of one route, in order. The last one answers, so polka's own last resort need not be appended each time. */
interface Chain {
  concat(): readonly Middleware[]
}

const complete = (links: readonly Middleware[]): Chain => ({ concat: () => links })

const NO_MATCH = new RouteMatch(null, [])

const refuse =
  (error: BiodmError): Middleware =>
  () => {
    throw error
  }

function allowed(methods: readonly string[]): string {
  return [
    ...new Set([...methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), 'OPTIONS']),
  ].join(', ')
}

const methodNotAllowed = (method: string, allow: string): BiodmError =>
  new BiodmError('method_not_allowed', `${method} is not possible here; ${allow} are`, {
    headers: { Allow: allow },
  })

/** Path and query as sent; polka's own parser would also take the query apart. */
function parseUrl(request: { readonly url?: string | undefined }) {
  const raw = request.url ?? '/'
  const url = raw.startsWith('/') ? raw : raw.replace(/^https?:\/\/[^/?#]*/i, '')
  const mark = url.indexOf('?')
  const pathname = mark < 0 ? url : url.slice(0, mark)
  return {
    pathname: pathname === '' ? '/' : pathname,
    search: mark < 0 ? '' : url.slice(mark),
    query: NOTHING,
    raw,
  } as never
}

const NOTHING = Object.freeze({})
