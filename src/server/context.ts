import type { Definition } from '../config/definition.js'
import type { Route } from '../controllers/route.js'
import type { BaseContext } from '../hooks.js'
import type { Log } from '../log.js'
import type { Plugin } from '../plugin.js'
import type { RequestContext } from '../services/core.js'
import type { Exchange } from './exchange.js'
import type { ServerMetrics } from './metrics.js'

/** What the server needs of the runtime that it answers for. */
export interface ServerContext {
  readonly definition: Definition
  readonly routes: readonly Route[]
  readonly log: Log
  readonly metrics: ServerMetrics
  /** The loaded authenticator; null: every caller is anonymous. */
  readonly authenticator: Authenticator | null
  /** Throws 401 or 403 when the static rules of the route refuse its caller: said before what is wrong with a body. */
  readonly demand: (exchange: Exchange) => void
  /** How long a body may take from the headers to its last byte. Default: 30 s. */
  readonly bodyMs?: number
}

export interface Authenticator {
  readonly authenticate: NonNullable<Plugin['authenticate']>
  readonly context: (request: RequestContext) => BaseContext
}
