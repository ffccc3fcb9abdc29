/** Keycloak's token and logout endpoints, as the client that `/login` logs people in for. */
import { BiodmError } from 'biodm'
import { unavailable } from '../admin/call.js'
import { fetchEmpty, fetchJson, HttpError } from '../http.js'
import type { Keycloak } from '../manager.js'

/** What a login or a refresh answers; times in seconds. */
export interface TokenAnswer {
  readonly access_token: string
  readonly refresh_token: string
  readonly expires_in: number
  readonly refresh_expires_in: number
}

export interface Grant {
  readonly answer: TokenAnswer
  readonly idToken: string | null
}

export function redeemCode(
  keycloak: Keycloak,
  code: { readonly code: string; readonly redirectUri: string; readonly verifier: string },
): Promise<Grant> {
  const form = {
    grant_type: 'authorization_code',
    code: code.code,
    redirect_uri: code.redirectUri,
    code_verifier: code.verifier,
  }
  return grant(
    keycloak,
    form,
    () => new BiodmError('bad_request', 'The code is not valid any more: log in again.'),
  )
}

export function refresh(keycloak: Keycloak, token: string): Promise<Grant> {
  const form = { grant_type: 'refresh_token', refresh_token: token }
  return grant(
    keycloak,
    form,
    () => new BiodmError('invalid_token', 'The refresh token is not valid: log in again.'),
  )
}

/** Ends the session. Twice is once; what is no refresh token of this realm is refused. */
export async function logout(keycloak: Keycloak, token: string): Promise<void> {
  try {
    await fetchEmpty(keycloak.endpoints.logout, post(keycloak, { refresh_token: token }))
  } catch (error) {
    if (!(error instanceof HttpError) || error.status !== 400) throw failed(keycloak, error)
    throw new BiodmError('bad_request', 'This is no refresh token of ours.', { cause: error })
  }
}

async function grant(
  keycloak: Keycloak,
  form: Readonly<Record<string, string>>,
  refused: () => BiodmError,
): Promise<Grant> {
  let body: unknown
  try {
    body = await fetchJson(keycloak.endpoints.token, post(keycloak, form))
  } catch (error) {
    if (error instanceof HttpError && isInvalidGrant(error)) throw refused()
    throw failed(keycloak, error)
  }
  const answer = body as Readonly<Record<string, unknown>>
  const { access_token, refresh_token, expires_in, refresh_expires_in, id_token } = answer
  if (
    typeof access_token !== 'string' ||
    typeof refresh_token !== 'string' ||
    typeof expires_in !== 'number' ||
    typeof refresh_expires_in !== 'number'
  ) {
    throw unavailable(new Error('the token endpoint answered without tokens'))
  }
  return {
    answer: { access_token, refresh_token, expires_in, refresh_expires_in },
    idToken: typeof id_token === 'string' ? id_token : null,
  }
}

const isInvalidGrant = ({ status, body }: HttpError): boolean =>
  status === 400 &&
  typeof body === 'object' &&
  body !== null &&
  'error' in body &&
  body.error === 'invalid_grant'

function post({ options }: Keycloak, form: Readonly<Record<string, string>>): Omit<RequestInit, 'signal'> {
  const credentials = { client_id: options.client_id, client_secret: options.client_secret }
  return { method: 'POST', body: new URLSearchParams({ ...credentials, ...form }) }
}

function failed({ log }: Keycloak, error: unknown): BiodmError {
  if (error instanceof HttpError && error.status < 500) {
    log.error(
      { status: error.status, body: error.body },
      'Keycloak refused our client: check client_id, client_secret and its settings',
    )
  } else log.warn({ err: error }, 'Keycloak does not answer')
  return unavailable(error)
}
