/** The pool, and which of its connections still know what they have prepared. */
import pg from 'pg'
import type { Log } from '../log.js'

/**
 * Tables that change under a running server leave prepared statements that are refused, on every connection that has them:
 * all connections of that time are given up together, so that a second attempt does not meet another one.
 */
export class Pool {
  readonly #pool: pg.Pool
  readonly #born = new WeakMap<pg.PoolClient, number>()
  #generation = 0

  constructor(config: pg.PoolConfig, log: Log) {
    this.#pool = new pg.Pool(config)
    // A connection that breaks while idle has already left the pool: the next request opens another one.
    this.#pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'))
    this.#pool.on('connect', (client) => {
      this.#born.set(client, this.#generation)
      // One that breaks while it is used fails its statement, which tells; without a listener it would end the process.
      client.on('error', () => undefined)
    })
  }

  async connect(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await this.#pool.connect()
      if (this.#generationOf(client) === this.#generation) return client
      client.release(true)
    }
  }

  /** What this connection has prepared is stale, and so is what the others have. */
  outdate(client: pg.PoolClient): void {
    if (this.#generationOf(client) === this.#generation) this.#generation += 1
  }

  #generationOf(client: pg.PoolClient): number {
    return this.#born.get(client) ?? 0
  }

  stats(): { used: number; idle: number; waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool
    return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount }
  }

  end(): Promise<void> {
    return this.#pool.end()
  }
}
