/** Access tokens: JWTs of 15 minutes that carry name and groups as they were when issued. */
import { BiodmError, type Identity } from 'biodm'
import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import type { SigningKeys } from './keys.js'

export const LIFETIME_S = 15 * 60
const ALGORITHM = 'HS256'
/** RFC 9068: an access token, and nothing else that might be signed with the same key. */
const TYPE = 'at+jwt'
const ISSUER = 'biodm:accounts'
const TOLERANCE_S = 5
/** Verified tokens remembered, each until it expires. */
const CACHE = 10_000

interface Verified {
  readonly identity: Identity
  /** Milliseconds since the epoch. */
  readonly until: number
}

export class AccessTokens {
  readonly #keys: SigningKeys
  readonly #adminGroup: string
  readonly #verified = new Map<string, Verified>()

  constructor(keys: SigningKeys, adminGroup: string) {
    this.#keys = keys
    this.#adminGroup = adminGroup
  }

  async issue(username: string, groups: readonly string[]): Promise<string> {
    const { kid, secret } = await this.#keys.current()
    return await new SignJWT({ groups })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid })
      .setIssuer(ISSUER)
      .setSubject(username)
      .setIssuedAt()
      .setExpirationTime(`${LIFETIME_S}s`)
      .sign(secret)
  }

  /** Throws `invalid_token`, which says no more than that: who sends a bad token learns nothing from it. */
  async verify(token: string): Promise<Identity> {
    const known = this.#verified.get(token)
    if (known !== undefined && known.until > Date.now()) return known.identity
    this.#verified.delete(token)
    const verified = await this.#check(token)
    if (this.#verified.size >= CACHE) this.#verified.clear()
    this.#verified.set(token, verified)
    return verified.identity
  }

  async #check(token: string): Promise<Verified> {
    try {
      const { kid } = decodeProtectedHeader(token)
      const key = kid === undefined ? undefined : await this.#keys.find(kid)
      if (key === undefined) throw invalid()
      const { payload } = await jwtVerify(token, key.secret, {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer: ISSUER,
        requiredClaims: ['sub', 'iat', 'exp'],
        maxTokenAge: LIFETIME_S,
        clockTolerance: TOLERANCE_S,
      })
      const { sub, iat, exp, groups } = payload
      if (typeof sub !== 'string' || iat === undefined || exp === undefined || !isTexts(groups))
        throw invalid()
      const identity = Object.freeze({
        username: sub,
        groups: Object.freeze([...groups]),
        admin: groups.includes(this.#adminGroup),
      })
      return { identity, until: Math.min(exp, iat + LIFETIME_S) * 1000 }
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) throw invalid(error)
      throw error
    }
  }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

const invalid = (cause?: unknown): BiodmError =>
  new BiodmError('invalid_token', 'The access token is not valid or has expired; log in again', { cause })

/** The token of `Authorization: Bearer …`; null without the header. Any other scheme is a bad token. */
export function bearer(header: string | undefined): string | null {
  if (header === undefined) return null
  const [, token] = /^Bearer +([\w.~+/-]+=*) *$/i.exec(header) ?? []
  if (token === undefined) {
    throw new BiodmError('invalid_token', 'The Authorization header must be "Bearer <access token>"')
  }
  return token
}
