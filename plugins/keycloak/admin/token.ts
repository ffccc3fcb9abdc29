import { fetchJson } from '../http.js'

/** A bearer token for the admin interface. */
export interface TokenProvider {
  token(): Promise<string>
  /** To be called when Keycloak refused this token: the next `token()` gets a new one. */
  discard(token: string): void
}

/** Milliseconds before its end at which a token is no longer used. */
const MARGIN = 10_000

/**
 * The service account's token by client credentials, kept until shortly before its end; simultaneous callers share one
 * request. (It has no refresh token, so the admin client cannot renew it by itself.)
 */
export function serviceToken(
  url: string,
  credentials: { readonly clientId: string; readonly clientSecret: string },
  now: () => number = Date.now,
): TokenProvider {
  let held: { readonly token: string; readonly until: number } | null = null
  let pending: Promise<string> | null = null

  const request = async (): Promise<string> => {
    const asked = now()
    const body = await fetchJson(url, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: credentials.clientId,
        client_secret: credentials.clientSecret,
      }),
    })
    const { access_token: token, expires_in: seconds } = body as Record<string, unknown>
    if (typeof token !== 'string' || typeof seconds !== 'number') throw new Error('the answer holds no token')
    held = { token, until: asked + seconds * 1000 - MARGIN }
    return token
  }

  return {
    async token() {
      if (held !== null && held.until > now()) return held.token
      pending ??= request().finally(() => {
        pending = null
      })
      return pending
    },
    discard(token) {
      if (held?.token === token) held = null
    },
  }
}

/** A caller's own token: never renewed. */
export function callerToken(token: string): TokenProvider {
  return { token: async () => token, discard: () => {} }
}
