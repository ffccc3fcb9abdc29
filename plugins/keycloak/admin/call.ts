import KeycloakAdminClient, { NetworkError } from '@keycloak/keycloak-admin-client'
import { BiodmError, type Log } from 'biodm'
import { CALL_LIMIT, HttpError } from '../http.js'
import type { TokenProvider } from './token.js'

/** Keycloak refused a call with a status that means something to whoever made it (400, 404, 409). */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>

  constructor(what: string, status: number, body: unknown) {
    super(`${what}: Keycloak answered ${status}`)
    this.status = status
    this.body = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  }
}

/**
 * One way to Keycloak's admin interface under one token. Whatever goes wrong is told apart once and for all: `Refused`
 * for answers that mean something, `BiodmError('unavailable')` for a Keycloak that is away, silent for three seconds,
 * failing or talking nonsense, `BiodmError('forbidden')` when a caller's own token lacks the right.
 */
export interface AdminCall {
  readonly realm: string
  /** `what` names the call for the log: `find user`. `parse` checks the answer (shapes.ts). */
  <T>(
    what: string,
    run: (client: KeycloakAdminClient) => Promise<unknown>,
    parse: (value: unknown) => T,
  ): Promise<T>
}

export interface AdminCallOptions {
  readonly baseUrl: string
  readonly realm: string
  readonly tokens: TokenProvider
  /** Whose token it is: the service account's lack of rights is the operator's fault, a caller's is the caller's. */
  readonly actor: 'service' | 'caller'
  readonly log: Log
}

export function adminCall(options: AdminCallOptions): AdminCall {
  const { tokens, realm } = options
  let used = ''
  const client = new KeycloakAdminClient({
    baseUrl: options.baseUrl,
    realmName: realm,
    timeout: CALL_LIMIT,
    requestArgOptions: { catchNotFound: false },
  })
  client.registerTokenProvider({
    getAccessToken: async () => {
      used = await tokens.token()
      return used
    },
  })
  const call = async <T>(
    what: string,
    run: (client: KeycloakAdminClient) => Promise<unknown>,
    parse: (value: unknown) => T,
  ): Promise<T> => {
    try {
      return parse(
        await retryUnauthorized(
          () => run(client),
          () => tokens.discard(used),
        ),
      )
    } catch (error) {
      throw translate(what, error, options)
    }
  }
  return Object.assign(call, { realm })
}

/** A token can end, or the keys change, between its check here and Keycloak's. */
async function retryUnauthorized(run: () => Promise<unknown>, discard: () => void): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof NetworkError && error.response.status === 401)) throw error
    discard()
    return await run()
  }
}

function translate(what: string, error: unknown, { actor, log }: AdminCallOptions): Error {
  if (error instanceof BiodmError) return error
  if (error instanceof NetworkError) {
    const { status } = error.response
    if (status === 400 || status === 404 || status === 409)
      return new Refused(what, status, error.responseData)
    if (status === 401 || status === 403) return denied(what, status, actor, log)
  }
  if (error instanceof HttpError && error.status < 500) return denied(what, error.status, actor, log)
  log.warn({ err: error }, `keycloak: ${what} failed`)
  return unavailable(error)
}

function denied(what: string, status: number, actor: AdminCallOptions['actor'], log: Log): BiodmError {
  if (actor === 'caller') {
    return new BiodmError('forbidden', 'Keycloak does not let you manage its users and groups.')
  }
  log.error(
    { status },
    `keycloak: ${what} was refused: check client_id and client_secret, and that the client's service account has the role manage-users of realm-management`,
  )
  return unavailable(new Error(`${what}: Keycloak answered ${status}`))
}

/** The one answer to a Keycloak that cannot be asked. */
export function unavailable(cause: unknown): BiodmError {
  return new BiodmError('unavailable', 'Keycloak does not answer properly at the moment. Try again later.', {
    headers: { 'Retry-After': '5' },
    cause,
  })
}

/** The call may have taken effect although it failed: no answer, a lost one, or nonsense instead of one. */
export const isUncertain = (error: unknown): boolean =>
  error instanceof BiodmError && error.code === 'unavailable'
