/** Signed, expiring addresses of the embedded store. The signature covers everything that the request may say. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { BiodmError } from 'biodm'

export type Claims = Readonly<Record<string, string>>

/** base64url HMAC-SHA256 over a purpose and claims, in an order of names that both sides share. */
export function mac(secret: Uint8Array, purpose: string, claims: Claims): string {
  let text = purpose
  for (const name of Object.keys(claims).sort()) text += claim(name, claims[name] ?? '')
  return digest(secret, text)
}

const claim = (name: string, value: string): string => `\n${name.length}:${name}${value.length}:${value}`

const digest = (secret: Uint8Array, text: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url')

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

/** What a form is good for: its fields say it all, and their signature that nobody changed them. */
export interface Policy {
  readonly size: number
  readonly fields: Claims
}

const SIZE = 'x-size'
const EXPIRES = 'x-expires'

/** `name`: nothing in it that JSON would escape. */
export interface Field {
  readonly name: string
  readonly value: string
}

/**
 * The hidden fields of a form, names to values, as JSON. `fields` come in the order of their names, all before `x-expires`;
 * `expires` is in seconds since the epoch. Written and signed in one pass: an answer may have a thousand.
 */
export function signPolicy(
  secret: Uint8Array,
  fields: readonly Field[],
  size: number,
  expires: string,
): string {
  let text = 'form'
  let json = ''
  for (const { name, value } of fields) {
    text += claim(name, value)
    json += `"${name}":${JSON.stringify(value)},`
  }
  const bytes = String(size)
  text += claim(EXPIRES, expires) + claim(SIZE, bytes)
  return `{${json}"${EXPIRES}":"${expires}","${SIZE}":"${bytes}","signature":"${digest(secret, text)}"}`
}

/**
 * The policy that the fields of a form carry; 403 when it is not ours, has expired, or a field was added, changed or left out
 * (`x-ignore-…` may be added).
 */
export function verifyPolicy(secret: Uint8Array, given: ReadonlyMap<string, string>, now: number): Policy {
  const signed = Object.fromEntries(
    [...given].filter(([name]) => name !== 'signature' && !name.startsWith('x-ignore-')),
  )
  if (!sameText(given.get('signature') ?? '', mac(secret, 'form', signed)))
    throw new BiodmError('forbidden', 'The fields of this form were not made here or have been changed.')
  const { [SIZE]: size, [EXPIRES]: expires, ...fields } = signed
  if (!(Number(expires) * 1000 > now))
    throw new BiodmError('forbidden', 'This form has expired: ask for a new one.')
  return { size: Number(size), fields }
}
