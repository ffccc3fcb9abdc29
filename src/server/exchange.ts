import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Route, RouteRequest } from '../controllers/route.js'
import { BiodmError } from '../errors.js'
import type { Caller } from '../identity.js'
import type { Log } from '../log.js'
import type { BodyLease } from './body-budget.js'
import type { Timed } from './deadlines.js'

type Headers = Readonly<Record<string, string | undefined>>

/**
 * One request and its answer while they are under way. Middlewares fill in the caller and the body; everything that costs
 * something and is rarely asked for (log, signal) is made at first use.
 */
export class Exchange implements RouteRequest, Timed<Exchange> {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly route: Route | null
  readonly params: readonly string[]
  readonly path: string
  readonly search: string
  readonly started: number
  readonly joined = null
  caller: Caller = null
  body: unknown = undefined
  lease: BodyLease | null = null
  /** Set by the first answer: later ones (a result behind its deadline) are dropped. */
  answered = false
  timing: Timed<Exchange>['timing'] = null
  readonly #log: Log
  readonly #server: { readonly draining: boolean }
  readonly #trustProxy: boolean
  #child: Log | null = null
  #abort: AbortController | null = null

  constructor(facts: ExchangeFacts) {
    this.id = facts.id
    this.request = facts.request
    this.response = facts.response
    this.route = facts.route
    this.params = facts.params
    this.path = facts.path
    this.search = facts.search
    this.#trustProxy = facts.trustProxy
    this.#log = facts.log
    this.#server = facts.server
    this.started = performance.now()
  }

  /** An answer on this connection is its last: the server stops. */
  get last(): boolean {
    return this.#server.draining
  }

  get method(): string {
    return this.request.method ?? 'GET'
  }

  get headers(): Headers {
    return this.request.headers as Headers
  }

  /** Where the request comes from; behind a proxy, the address that it saw: the last of the list, which no client can write. */
  get ip(): string {
    const forwarded = this.#trustProxy ? this.request.headers['x-forwarded-for'] : undefined
    const list = Array.isArray(forwarded) ? forwarded.join(',') : forwarded
    const last = list?.slice(list.lastIndexOf(',') + 1).trim()
    return last === undefined || last === '' ? (this.request.socket?.remoteAddress ?? '') : last
  }

  get log(): Log {
    this.#child ??= this.#log.child({ request_id: this.id })
    return this.#child
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.answered) this.#abort.abort(new BiodmError('timeout'))
    return this.#abort.signal
  }

  /** The connection is closed: before the answer, nobody waits for it any more. */
  leave(): void {
    if (!this.answered) this.abort(new BiodmError('bad_request', 'The client went away before the answer'))
  }

  /** Stops what still works for this request. */
  abort(reason: BiodmError): void {
    this.#abort?.abort(reason)
  }
}

export interface ExchangeFacts {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly route: Route | null
  readonly params: readonly string[]
  readonly path: string
  readonly search: string
  readonly trustProxy: boolean
  readonly log: Log
  readonly server: { readonly draining: boolean }
}
