import pg from 'pg'
import { BiodmError } from '../errors.js'
import type { Log } from '../log.js'

/** A connection that is opened at first use and again after it broke. */
export class Pipe {
  readonly #config: pg.ClientConfig
  readonly #log: Log
  #client: pg.Client | undefined
  #connecting: Promise<pg.Client> | undefined
  #closed = false

  constructor(config: pg.ClientConfig, log: Log) {
    this.#config = config
    this.#log = log
  }

  async connected(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client
    if (this.#closed) throw new BiodmError('unavailable', 'The server is stopping.')
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#config)
    client.on('error', (error) => {
      this.#log.warn({ err: error }, 'a database connection broke')
      this.drop(client)
    })
    client.on('end', () => this.drop(client))
    try {
      await client.connect()
    } catch (error) {
      throw new BiodmError('unavailable', 'The database cannot be reached for the moment; try again.', {
        headers: { 'Retry-After': '1' },
        cause: error,
      })
    }
    this.#client = client
    return client
  }

  /** Statements already sent on it still end; new ones use a new connection. */
  drop(client: pg.Client | undefined): void {
    if (client === undefined || this.#client !== client) return
    this.#client = undefined
    client.end().catch(() => undefined)
  }

  async close(): Promise<void> {
    this.#closed = true
    const client = this.#client ?? (await this.#connecting?.catch(() => undefined))
    this.#client = undefined
    await client?.end().catch(() => undefined)
  }
}
