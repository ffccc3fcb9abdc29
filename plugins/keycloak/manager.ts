import { AsyncLocalStorage } from 'node:async_hooks'
import { type Caller, type Identity, type Log, type SetupTools, SYSTEM } from 'biodm'
import { adminCall } from './admin/call.js'
import { type GroupAdmin, groupAdmin } from './admin/groups.js'
import { callerToken, serviceToken, type TokenProvider } from './admin/token.js'
import { type UserAdmin, userAdmin } from './admin/users.js'
import { VerifiedTokens } from './auth/cache.js'
import { createKeySource, type KeySource } from './auth/jwks.js'
import { type Endpoints, endpoints, type KeycloakOptions } from './options.js'
import { createRows, type Rows } from './rows.js'
import { createThrottle, type Warn } from './throttle.js'

/** Keycloak's administration under one token. */
export interface Admin {
  readonly users: UserAdmin
  readonly groups: GroupAdmin
}

/** What all parts of the plugin share in one running server: `ctx.managers.keycloak`. */
export interface Keycloak {
  readonly options: KeycloakOptions
  readonly endpoints: Endpoints
  readonly adminGroup: string
  readonly runtime: SetupTools['runtime']
  readonly log: Log
  /** For what clients can cause at will. */
  readonly warn: Warn
  readonly keys: KeySource
  readonly verified: VerifiedTokens<Identity>
  readonly rows: Rows
  /** As the service account: look-ups, undoing, outbox and syncs always. */
  readonly service: Admin
  /** For what a request creates, updates or links: see the option `act_as`. */
  admin(caller: Caller): Admin
  /** Remembers whose token an identity came from, for as long as the identity itself is in memory. */
  remember(identity: Identity, token: string): void
  /** Runs a write of the plugin's own, whose rows come from Keycloak: its hooks let them pass. */
  ownWrite<T>(write: () => Promise<T>): Promise<T>
  readonly isOwnWrite: boolean
  /** Keycloak ids of the objects of requests that hooks have seen, for the memberships nested in them. */
  readonly ids: WeakMap<object, string>
}

export function createKeycloak(options: KeycloakOptions, { runtime, log }: SetupTools): Keycloak {
  const addresses = endpoints(options)
  const asWhom = (tokens: TokenProvider, actor: 'service' | 'caller'): Admin => {
    const call = adminCall({ baseUrl: addresses.admin, realm: options.realm, tokens, actor, log })
    return { users: userAdmin(call), groups: groupAdmin(call) }
  }
  const credentials = { clientId: options.client_id, clientSecret: options.client_secret }
  const service = asWhom(serviceToken(addresses.token, credentials), 'service')
  const tokensOf = new WeakMap<Identity, string>()
  const own = new AsyncLocalStorage<true>()
  return Object.freeze({
    options,
    endpoints: addresses,
    adminGroup: runtime.adminGroup,
    runtime,
    log,
    warn: createThrottle(log),
    keys: createKeySource(addresses.certs, log),
    verified: new VerifiedTokens<Identity>(),
    rows: createRows(runtime),
    service,
    admin(caller: Caller) {
      if (options.act_as === 'service' || caller === null || caller === SYSTEM || !caller.admin)
        return service
      const token = tokensOf.get(caller)
      return token === undefined ? service : asWhom(callerToken(token), 'caller')
    },
    remember: (identity: Identity, token: string) => {
      tokensOf.set(identity, token)
    },
    ownWrite: <T>(write: () => Promise<T>) => own.run(true, write),
    get isOwnWrite() {
      return own.getStore() === true
    },
    ids: new WeakMap<object, string>(),
  })
}

/** The plugin's own manager, from any of its contexts. */
export function keycloakOf(ctx: { readonly managers: Readonly<Record<string, unknown>> }): Keycloak {
  return ctx.managers['keycloak'] as Keycloak
}
