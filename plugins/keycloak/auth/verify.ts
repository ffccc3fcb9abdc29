import { BiodmError } from 'biodm'
import { compactVerify, decodeProtectedHeader, errors, type ProtectedHeaderParameters } from 'jose'
import { type ClaimRules, type Claims, judgeClaims, type Person, type Refusal } from './claims.js'
import { ALGORITHMS, type KeySource } from './jwks.js'

/**
 * Checks signature and claims of an access token. Throws `invalid_token`, or `unavailable` when a key is unknown and
 * Keycloak cannot be asked; `onRefusal` hears why good signatures were refused. `now`: milliseconds since the epoch.
 */
export async function verifyAccessToken(
  token: string,
  keys: KeySource,
  rules: ClaimRules,
  now: number,
  onRefusal: (refusal: Refusal, claims: Claims) => void = () => {},
): Promise<Person> {
  const claims = await verifiedClaims(token, keys)
  const verdict = judgeClaims(claims, rules, now / 1000)
  if ('person' in verdict) return verdict.person
  onRefusal(verdict.refusal, claims)
  throw invalidToken(verdict.refusal.reason)
}

/** The claims of any token that the realm signed. */
export async function verifiedClaims(token: string, keys: KeySource): Promise<Claims> {
  const { kid, alg } = readHeader(token)
  const key = await keys.key(kid, alg)
  try {
    const { payload } = await compactVerify(token, key, { algorithms: [alg] })
    return parseClaims(payload)
  } catch (cause) {
    if (cause instanceof BiodmError) throw cause
    throw invalidToken('The signature of the token is not valid.', cause)
  }
}

export function invalidToken(reason: string, cause?: unknown): BiodmError {
  return new BiodmError('invalid_token', reason, {
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
    cause,
  })
}

function readHeader(token: string): { kid: string; alg: string } {
  const { kid, alg } = decodeHeader(token)
  if (!ALGORITHMS.some((known) => known === alg) || alg === undefined) {
    throw invalidToken('The token is signed in a way that is not accepted.')
  }
  if (typeof kid !== 'string' || kid === '') throw invalidToken('The token does not name its key.')
  return { kid, alg }
}

function decodeHeader(token: string): ProtectedHeaderParameters {
  try {
    return decodeProtectedHeader(token)
  } catch (cause) {
    throw invalidToken('The token is malformed.', cause)
  }
}

function parseClaims(payload: Uint8Array): Claims {
  let claims: unknown
  try {
    claims = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (cause) {
    throw invalidToken('The token is malformed.', cause)
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw invalidToken('The token is malformed.', new errors.JWTInvalid('no claims object'))
  }
  return claims as Claims
}
