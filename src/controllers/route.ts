import type { IncomingMessage } from 'node:http'
import type { Answer, Core, RequestContext } from '../services/core.js'

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export type Method = (typeof METHODS)[number]

/**
 * One row of the route table. The table is data: the server mounts it, OpenAPI and `biodm check` print it, and a test
 * walks it to see that every route has a policy.
 */
export interface Route {
  readonly method: Method
  /** `/datasets/{id}/files`, without the base path; a last `*` takes the rest of the path. Label of the metrics. */
  readonly template: string
  readonly policy: RoutePolicy
  readonly action: Action
  /** How the body is read before `run`; `raw`: not at all, `run` has the stream and no limit applies. */
  readonly body: 'none' | 'json' | 'raw'
  /** Only JSON comes out: a request that accepts no JSON is 406. */
  readonly json: boolean
  /** Neither in OpenAPI nor in `check`. */
  readonly hidden: boolean
  readonly run: (request: RouteRequest) => Promise<Answer> | Answer
}

/** Who may use a route, as far as it is decided before any row is looked at (spec: access). */
export interface RoutePolicy {
  /** No token is needed under `server.require_auth`. */
  readonly public: boolean
  /** A bad token is ignored instead of 401. */
  readonly ignoreToken: boolean
  readonly guard: Guard
}

/** What decides about the rows: the rules of a resource, the plugin that owns the route, or nothing (open to all). */
export type Guard =
  | { readonly kind: 'open' }
  | { readonly kind: 'rules'; readonly rules: readonly StaticRule[] }
  | { readonly kind: 'plugin'; readonly plugin: string; readonly rules: readonly StaticRule[] }

/** The caller needs `verb` on `resource`; judged again, with the rows, by the operation itself. */
export interface StaticRule {
  readonly resource: string
  readonly verb: string
}

/** What a route does, for documents made from the table. */
export type Action =
  | { readonly kind: ResourceAction; readonly resource: string }
  | { readonly kind: CollectionAction; readonly resource: string; readonly relation: string }
  | { readonly kind: 'root'; readonly name: string }
  | {
      readonly kind: 'plugin'
      readonly plugin: string
      readonly openapi: unknown
      readonly resource: string | null
    }

export type ResourceAction =
  | 'list'
  | 'create'
  | 'read'
  | 'update'
  | 'delete'
  | 'release'
  | 'schema'
  | 'access'
export type CollectionAction =
  | 'related'
  | 'collection_list'
  | 'collection_add'
  | 'collection_replace'
  | 'collection_remove'

/** A request as a controller sees it: parsed, limited and authenticated. */
export interface RouteRequest extends RequestContext {
  /** Values of the template's `{names}` in order, percent-decoded; for `*` the rest of the path as sent. */
  readonly params: readonly string[]
  /** The query as sent, without `?`. */
  readonly search: string
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly ip: string
  readonly request: IncomingMessage
}

/** The running parts, asked for with each request: the table itself needs none, so documents can be made without them. */
export type CoreOf = () => Core
