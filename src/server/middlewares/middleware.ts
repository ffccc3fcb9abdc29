import type { ServerResponse } from 'node:http'
import type { Request } from 'polka'
import type { Route } from '../../controllers/route.js'
import type { Caller } from '../../identity.js'
import type { Exchange } from '../exchange.js'

/** A request inside the chain: `exchange` is there from the first link on. */
export interface OpenRequest extends Request {
  exchange: Exchange
  /** Given with an in-process request: nobody asks for a token. */
  identity?: Caller
}

/** One link of a chain: calls `next`, answers, or throws. */
export type Middleware = (request: OpenRequest, response: ServerResponse, next: () => unknown) => unknown

/**
 * What the router found, carried in polka's `params`. Nothing of it is enumerable: polka percent-decodes what it can
 * enumerate there, and ours is decoded already.
 */
export class RouteMatch {
  readonly #route: Route | null
  readonly #params: readonly string[]

  constructor(route: Route | null, params: readonly string[]) {
    this.#route = route
    this.#params = params
  }

  get route(): Route | null {
    return this.#route
  }

  get params(): readonly string[] {
    return this.#params
  }
}
