/** Routes of the server itself: liveness, readiness, metrics. */
import { BiodmError } from '../errors.js'
import type { Answer } from '../services/core.js'
import type { Route } from './route.js'

export interface RootParts {
  /** Rejects when the database does not answer. */
  readonly ping: () => Promise<void>
  /** `ready` of each plugin that has one, by plugin name. */
  readonly managers: () => Promise<Readonly<Record<string, boolean>>>
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
}

const LIVE: Answer = Object.freeze({
  status: 200,
  headers: Object.freeze({ 'Content-Type': 'text/plain; charset=utf-8' }),
  body: 'live\n',
})

export function rootRoutes(parts: RootParts): readonly Route[] {
  return [
    root('live', { public: true, ignoreToken: true }, () => LIVE),
    root('ready', { public: true, ignoreToken: true }, () => ready(parts)),
    root('metrics', { public: false, ignoreToken: false }, async () => {
      const { contentType, body } = await parts.metrics()
      return { status: 200, headers: { 'Content-Type': contentType }, body }
    }),
  ]
}

/** A route `/name` that is open to all, or to whoever has a token under `require_auth`. */
export function root(
  name: string,
  policy: { readonly public: boolean; readonly ignoreToken: boolean },
  run: Route['run'],
): Route {
  return {
    method: 'GET',
    template: `/${name}`,
    policy: { ...policy, guard: { kind: 'open' } },
    action: { kind: 'root', name },
    body: 'none',
    json: false,
    hidden: false,
    run,
  }
}

async function ready({ ping, managers }: RootParts): Promise<Answer> {
  const [database, states] = await Promise.all([
    ping().then(
      () => true,
      () => false,
    ),
    managers(),
  ])
  const ok = database && Object.values(states).every((state) => state)
  return {
    status: ok ? 200 : 503,
    headers: { 'Content-Type': 'application/json', ...(ok ? {} : { 'Retry-After': '2' }) },
    body: JSON.stringify({ status: ok ? 'ready' : 'not ready', database, managers: states }),
  }
}

export const notFound = (resource: string): BiodmError =>
  new BiodmError('not_found', `There is no such ${resource}`)
