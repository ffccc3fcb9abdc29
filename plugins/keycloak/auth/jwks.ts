import { BiodmError, type Log } from 'biodm'
import { type CryptoKey, importJWK, type JWK } from 'jose'
import { fetchJson } from '../http.js'

/** Asymmetric signatures only: neither `none` nor a shared secret can make a token. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const

const RELOAD_EVERY = 10 * 60_000
const PAUSE = 5_000

export interface KeySource {
  /**
   * The key of that id for that algorithm. Throws `invalid_token` for an id that Keycloak does not list, `unavailable` when
   * Keycloak could not be asked.
   */
  key(kid: string, algorithm: string): Promise<CryptoKey>
  /** Loads the keys anew when they are older than ten minutes; to be called now and then. Never throws. */
  reloadIfDue(): Promise<void>
  /** Keys are known: tokens can be verified. */
  readonly loaded: boolean
}

interface KeySet {
  readonly keys: ReadonlyMap<string, JWK>
  readonly imported: Map<string, Promise<CryptoKey>>
}

/**
 * The realm's public keys. They are kept without end, so that a Keycloak that is away stops nobody whose key is known;
 * reloaded every ten minutes while it answers, so that disabled keys leave; and asked for at an unknown id, at most every
 * five seconds, so that made-up ids are no way to load Keycloak.
 */
export function createKeySource(url: string, log: Log, now: () => number = Date.now): KeySource {
  let current: KeySet = { keys: new Map(), imported: new Map() }
  let loadedAt: number | null = null
  let attemptedAt: number | null = null
  let failure: unknown = null
  let loading: Promise<void> | null = null

  const load = (): Promise<void> => {
    attemptedAt = now()
    loading ??= fetchKeys(url)
      .then((keys) => {
        current = { keys, imported: new Map() }
        loadedAt = now()
        failure = null
      })
      .catch((error: unknown) => {
        if (failure === null) log.warn({ err: error, url }, 'the keys of the realm could not be loaded')
        failure = error
      })
      .finally(() => {
        loading = null
      })
    return loading
  }
  const mayAsk = (): boolean => attemptedAt === null || now() - attemptedAt >= PAUSE

  return {
    async key(kid, algorithm) {
      if (!current.keys.has(kid) && (loading !== null || mayAsk())) await load()
      const set = current
      const jwk = set.keys.get(kid)
      if (jwk !== undefined) return importKey(set, kid, jwk, algorithm)
      if (failure !== null) throw unavailable(failure)
      throw new BiodmError('invalid_token', 'The token is signed with a key that Keycloak does not list.')
    },
    async reloadIfDue() {
      if (loadedAt !== null && now() - loadedAt < RELOAD_EVERY) return
      if (loading !== null || mayAsk()) await load()
    },
    get loaded() {
      return loadedAt !== null
    },
  }
}

const unavailable = (cause: unknown): BiodmError =>
  new BiodmError(
    'unavailable',
    'Keycloak does not answer, so this token cannot be checked. Try again later.',
    {
      headers: { 'Retry-After': '5' },
      cause,
    },
  )

/** Imports at most once per key and algorithm. A key for another use or algorithm counts as not listed. */
async function importKey(set: KeySet, kid: string, jwk: JWK, algorithm: string): Promise<CryptoKey> {
  if (jwk.alg !== undefined && jwk.alg !== algorithm) {
    throw new BiodmError('invalid_token', 'The token names another algorithm than its key.')
  }
  const slot = `${algorithm} ${kid}`
  let imported = set.imported.get(slot)
  if (imported === undefined) {
    imported = importJWK(jwk, algorithm).then((key) => {
      if (key instanceof Uint8Array) throw new TypeError('a symmetric key')
      return key
    })
    set.imported.set(slot, imported)
  }
  try {
    return await imported
  } catch (cause) {
    throw new BiodmError('invalid_token', 'The token does not fit the key that it names.', { cause })
  }
}

async function fetchKeys(url: string): Promise<ReadonlyMap<string, JWK>> {
  const body = await fetchJson(url)
  const keys = isRecord(body) ? body['keys'] : undefined
  if (!Array.isArray(keys)) throw new Error('the answer is no key set')
  const usable = new Map<string, JWK>()
  for (const key of keys) if (isSigningKey(key)) usable.set(key.kid, key)
  // Keycloak always has one: where none is listed, something else answers.
  if (usable.size === 0) throw new Error('the key set holds no key for signatures')
  return usable
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** Public, for signatures (Keycloak lists an encryption key beside it). */
function isSigningKey(key: unknown): key is JWK & { kid: string } {
  if (!isRecord(key)) return false
  return (
    typeof key['kid'] === 'string' &&
    (key['kty'] === 'RSA' || key['kty'] === 'EC' || key['kty'] === 'OKP') &&
    (key['use'] === undefined || key['use'] === 'sig') &&
    (key['alg'] === undefined || ALGORITHMS.some((algorithm) => algorithm === key['alg']))
  )
}
