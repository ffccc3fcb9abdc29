/** Passwords as scrypt hashes, made a few at a time: hashing is meant to be slow, and the server is meant to go on. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { BiodmError } from 'biodm'

/** 32 MB and three passes: the cost that OWASP names for scrypt with this much memory. */
const COST = Object.freeze({ logN: 15, r: 8, p: 3 })
const SALT_BYTES = 16
const HASH_BYTES = 32

/** Hashes at a time, and callers that may wait for one. */
const PARALLEL = 2
const WAITING = 200

export const MIN_PASSWORD = 8
export const MAX_PASSWORD = 128

interface Hash {
  readonly logN: number
  readonly r: number
  readonly p: number
  readonly salt: Buffer
  readonly hash: Buffer
}

export class Passwords {
  readonly #waiting: (() => void)[] = []
  #running = 0
  /** A hash of nothing that anybody knows: what unknown users are compared with, at the same cost. */
  readonly #nobody: Hash = {
    ...COST,
    salt: randomBytes(SALT_BYTES),
    hash: randomBytes(HASH_BYTES),
  }

  /** `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>`, so that the cost can be raised without losing older hashes. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES)
    const hash = await this.#derive(password, { ...COST, salt, hash: Buffer.alloc(HASH_BYTES) })
    const { logN, r, p } = COST
    return ['scrypt', logN, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$')
  }

  /** Costs the same whether or not there is a stored hash. */
  async verify(password: string, stored: string | null): Promise<boolean> {
    const known = stored === null ? null : parse(stored)
    const hash = known ?? this.#nobody
    const derived = await this.#derive(password, hash)
    return timingSafeEqual(derived, hash.hash) && known !== null
  }

  async #derive(password: string, { logN, r, p, salt, hash }: Hash): Promise<Buffer> {
    await this.#enter()
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        const options = { N: 2 ** logN, r, p, maxmem: 256 * 2 ** logN * r }
        scrypt(password.normalize('NFKC'), salt, hash.length, options, (error, key) =>
          error === null ? resolve(key) : reject(error),
        )
      })
    } finally {
      this.#leave()
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < PARALLEL) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= WAITING) {
      throw new BiodmError('unavailable', 'Too many passwords are being checked; try again', {
        headers: { 'Retry-After': '5' },
      })
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** The place is handed on, or given back. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running -= 1
    else next()
  }
}

function parse(stored: string): Hash | null {
  const [kind, logN, r, p, salt, hash] = stored.split('$')
  if (kind !== 'scrypt' || salt === undefined || hash === undefined) return null
  return {
    logN: Number(logN),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
  }
}

/** What is wrong with a new password, or null. Characters are counted, not bytes. */
export function passwordFault(password: unknown): string | null {
  if (typeof password !== 'string') return 'must be a text'
  const length = [...password].length
  return length < MIN_PASSWORD || length > MAX_PASSWORD
    ? `must be ${MIN_PASSWORD} to ${MAX_PASSWORD} characters long`
    : null
}
