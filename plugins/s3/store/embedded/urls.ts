/** Signed, expiring addresses of the embedded store. The signature covers everything that the request may say. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { BiodmError } from 'biodm'

export type Claims = Readonly<Record<string, string>>

/** base64url HMAC-SHA256 over a purpose and claims, in an order of names that both sides share. */
export function mac(secret: Uint8Array, purpose: string, claims: Claims): string {
  const sorted = Object.entries(claims).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHmac('sha256', secret)
    .update(JSON.stringify([purpose, sorted]))
    .digest('base64url')
}

export function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** `expires` is in seconds since the epoch and part of the claims. */
export function signUrl(secret: Uint8Array, address: string, purpose: string, claims: Claims): string {
  const query = new URLSearchParams({ ...claims, signature: mac(secret, purpose, claims) })
  return `${address}?${query}`
}

/** The claims of a URL that is genuine and still valid; 403 otherwise. `now` in milliseconds. */
export function verifyUrl(secret: Uint8Array, purpose: string, query: URLSearchParams, now: number): Claims {
  const { signature = '', ...claims } = Object.fromEntries(query)
  const repeated = [...query.keys()].length !== Object.keys(claims).length + 1
  if (repeated || !sameText(signature, mac(secret, purpose, claims)))
    throw new BiodmError('forbidden', 'The signature of this address is not valid.')
  if (!(Number(claims['expires']) * 1000 > now))
    throw new BiodmError('forbidden', 'This address has expired.')
  return claims
}

export function expiry(seconds: number, now: number): string {
  return String(Math.floor(now / 1000) + seconds)
}

export interface Policy {
  /** Seconds since the epoch. */
  readonly expires: number
  readonly size: number
  readonly fields: Claims
}

/** The hidden fields of a form: those of the policy, the policy itself and its signature. */
export function signPolicy(secret: Uint8Array, policy: Policy): Record<string, string> {
  const text = Buffer.from(JSON.stringify(policy)).toString('base64')
  return { ...policy.fields, policy: text, signature: mac(secret, 'form', { policy: text }) }
}

/**
 * The policy that the fields of a form carry; 403 when it is not ours, has expired, or a field is missing, changed or not
 * in it (`x-ignore-…` may be added).
 */
export function verifyPolicy(secret: Uint8Array, given: ReadonlyMap<string, string>, now: number): Policy {
  const text = given.get('policy') ?? ''
  if (!sameText(given.get('signature') ?? '', mac(secret, 'form', { policy: text })))
    throw new BiodmError('forbidden', 'The policy of this form was not made here or has been changed.')
  const policy = JSON.parse(Buffer.from(text, 'base64').toString()) as Policy
  if (policy.expires * 1000 <= now)
    throw new BiodmError('forbidden', 'This form has expired: ask for a new one.')
  for (const [name, value] of Object.entries(policy.fields)) {
    if (given.get(name) !== value)
      throw new BiodmError('forbidden', `The form's field "${name}" is missing or was changed.`)
  }
  const stranger = [...given.keys()].find(
    (name) =>
      !(name in policy.fields) && name !== 'policy' && name !== 'signature' && !name.startsWith('x-ignore-'),
  )
  if (stranger !== undefined)
    throw new BiodmError('forbidden', `The form may not have a field "${stranger}".`)
  return policy
}
