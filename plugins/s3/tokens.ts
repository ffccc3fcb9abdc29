/** The token of a callback: says that the bucket was told to call for this file and this upload, until then. */
import { createHmac, type Hmac, timingSafeEqual } from 'node:crypto'

export interface CallbackClaims {
  /** Resource and key of the file, as the path names it. */
  readonly file: string
  readonly upload: string
  /** Milliseconds since the epoch. */
  readonly expires: number
}

export function signCallback(secret: Uint8Array, claims: CallbackClaims): string {
  return `${claims.upload}.${claims.expires.toString(36)}.${signature(secret, claims).digest('base64url')}`
}

/** The upload that the token was made for; null when it is not genuine, for another file, or has expired. */
export function verifyCallback(
  secret: Uint8Array,
  file: string,
  token: string,
  now: number,
): { readonly upload: string } | null {
  const [upload, expiry, mac, ...rest] = token.split('.')
  if (upload === undefined || expiry === undefined || mac === undefined || rest.length > 0) return null
  if (!/^[0-9a-z]{1,10}$/.test(expiry)) return null
  const expires = Number.parseInt(expiry, 36)
  const given = Buffer.from(mac, 'base64url')
  const expected = signature(secret, { file, upload, expires }).digest()
  const genuine =
    given.length === expected.length &&
    timingSafeEqual(given, expected) &&
    given.toString('base64url') === mac
  return genuine && expires > now ? { upload } : null
}

function signature(secret: Uint8Array, { file, upload, expires }: CallbackClaims): Hmac {
  const text = `callback\n${file.length}:${file}\n${upload.length}:${upload}\n${expires}`
  return createHmac('sha256', secret).update(text)
}
