import type { BaseContext } from '../hooks.js'
import type { Caller, Identity } from '../identity.js'
import type { Authenticator } from '../server/context.js'
import type { Core, RequestContext } from '../services/core.js'
import { backgroundContext } from '../services/plugin-tools.js'

/** The one plugin that tells who calls, its answers checked; null: nobody does, every caller is anonymous. */
export function authenticatorOf(core: Core): Authenticator | null {
  const use = core.model.definition.plugins.find(({ plugin }) => plugin.authenticate !== undefined)
  const authenticate = use?.plugin.authenticate
  if (use === undefined || authenticate === undefined || !core.model.definition.auth) return null
  const context = backgroundContext(
    core,
    { plugin: use.name, settings: use.options },
    new AbortController().signal,
  )
  const ask = authenticate.bind(use.plugin)
  return {
    authenticate: async (request, asked) => checkedCaller(await ask(request, asked), use.name),
    context: (request) => new AuthenticationContext(context, request),
  }
}

/** A signal costs more than most authenticators do: it is made for those that ask for it. */
class AuthenticationContext implements BaseContext {
  readonly settings: BaseContext['settings']
  readonly managers: BaseContext['managers']
  readonly log: BaseContext['log']
  readonly service: BaseContext['service']
  readonly #request: RequestContext

  constructor({ settings, managers, log, service }: BaseContext, request: RequestContext) {
    this.settings = settings
    this.managers = managers
    this.log = log
    this.service = service
    this.#request = request
  }

  get signal(): AbortSignal {
    return this.#request.signal
  }
}

/** What an authenticator returns decides what is allowed: anything but an identity or nobody is its fault. */
function checkedCaller(given: unknown, plugin: string): Caller {
  if (given === null || given === undefined) return null
  const identity = given as Readonly<Partial<Record<keyof Identity, unknown>>>
  const { username, groups, admin } = identity
  const named = typeof username === 'string' && username !== ''
  if (named && typeof admin === 'boolean' && Array.isArray(groups) && groups.every(isText))
    return given as Identity
  throw new TypeError(
    `the authenticator \`${plugin}\` must return { username, groups: string[], admin: boolean } or null`,
  )
}

const isText = (value: unknown): boolean => typeof value === 'string'
