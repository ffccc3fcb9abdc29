import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { exportJWK, type JWK, type JWTPayload, SignJWT } from 'jose'

interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly jwk: JWK
}

/** The realm's keys: the newest signs, older ones stay listed until they are disabled. */
export class Keys {
  #keys: SigningKey[] = []

  static async create(): Promise<Keys> {
    const keys = new Keys()
    await keys.rotate()
    return keys
  }

  get kid(): string {
    return this.#current.kid
  }

  /** A new key signs from now on; `disableOld` takes the others off the list. */
  async rotate(options: { readonly disableOld?: boolean } = {}): Promise<void> {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const kid = createHash('sha256').update(randomUUID()).digest('base64url')
    const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' }
    this.#keys = [{ kid, privateKey, jwk }, ...(options.disableOld === true ? [] : this.#keys)]
  }

  lists(kid: string): boolean {
    return this.#keys.some((key) => key.kid === kid)
  }

  /** As `/certs` lists them: an encryption key stands beside the signing ones. */
  list(): { readonly keys: readonly JWK[] } {
    const signing = this.#keys.map(({ jwk }) => jwk)
    const encryption = signing
      .slice(0, 1)
      .map((jwk) => ({ ...jwk, kid: `enc-${jwk.kid}`, use: 'enc', alg: 'RSA-OAEP' }))
    return { keys: [...encryption, ...signing] }
  }

  sign(claims: JWTPayload): Promise<string> {
    const { kid, privateKey } = this.#current
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid }).sign(privateKey)
  }

  get #current(): SigningKey {
    const [key] = this.#keys
    if (key === undefined) throw new Error('no key')
    return key
  }
}
