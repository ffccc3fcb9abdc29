/**
 * Random configurations and requests: SQLite and PostgreSQL give the same answers, byte for byte, and no request is a fault
 * of the server. `BIODM_ORACLE_SEED` and `BIODM_PARITY_WORLDS` choose others.
 */
import pg from 'pg'
import t from 'tap'
import { ConfigError } from '../../src/config/diagnostics.js'
import type { ClientResponse } from '../../src/runtime/client.js'
import { type Api, startApi } from '../helpers/api.js'
import { type Teardown, testDatabaseUrl } from '../helpers/databases.js'
import { type Known, type ParityRequest, Requests } from './parity-requests.js'
import { makeParityWorld, type ParityWorld } from './parity-world.js'
import { Random } from './random.js'

const SEED = Number(process.env['BIODM_ORACLE_SEED'] ?? 20261124)
const WORLDS = Number(process.env['BIODM_PARITY_WORLDS'] ?? 3)
const REQUESTS = 200
/** First of all there must be rows. */
const FILLING = 25

interface Pair {
  readonly world: ParityWorld
  readonly sqlite: Api
  readonly postgres: Api
  readonly url: string
}

async function servePair(t: Teardown, random: Random): Promise<Pair> {
  const url = await testDatabaseUrl(t, 'postgres')
  for (;;) {
    const world = makeParityWorld(random)
    try {
      const sqlite = await startApi(t, world.config, { dialect: 'sqlite' })
      const postgres = await startApi(t, world.config, { dialect: 'postgres', database: url })
      return { world, sqlite, postgres, url }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
    }
  }
}

/** What clients see of an answer, without what differs by nature. */
function seen({ status, headers, body }: ClientResponse) {
  const { request_id: _, ...problem } = status >= 400 && body !== undefined ? body : {}
  const { location, link, 'x-total-count': count } = headers
  return { status, text: JSON.stringify(status >= 400 ? problem : body), location, link, count }
}

/** PostgreSQL draws numbers for refused writes too; SQLite takes them back. */
class Sequences {
  readonly #client: pg.Client
  #before: readonly { readonly name: string; readonly last: string | null }[] = []

  constructor(url: string) {
    this.#client = new pg.Client({ connectionString: url })
  }

  async open(): Promise<void> {
    await this.#client.connect()
  }

  async remember(): Promise<void> {
    const text = `SELECT format('%I.%I', schemaname, sequencename) AS name, last_value AS last FROM pg_sequences`
    this.#before = (await this.#client.query(text)).rows
  }

  async restore(): Promise<void> {
    for (const { name, last } of this.#before) {
      await this.#client.query('SELECT setval($1::regclass, $2, $3)', [name, last ?? 1, last !== null])
    }
  }

  close(): Promise<void> {
    return this.#client.end()
  }
}

async function storedKeys({ world, sqlite }: Pair): Promise<Known> {
  const known = new Map<string, readonly Record<string, unknown>[]>()
  for (const { name, path, keys } of world.resources.values()) {
    const answer = await sqlite.get(`${path}?fields=${keys.map(([key]) => key).join(',')}`)
    known.set(name, answer.body)
  }
  return known
}

const hasPlace = (problem: { pointer?: string; parameter?: string }): boolean =>
  problem.pointer !== undefined || problem.parameter !== undefined

interface Outcome {
  /** Nothing was written, on both. */
  readonly refused: boolean
  /** Null when both answered alike. */
  readonly difference: string | null
}

async function ask(pair: Pair, request: ParityRequest): Promise<Outcome> {
  const left = await pair.sqlite.as(null).request(request)
  const right = await pair.postgres.as(null).request(request)
  const [a, b] = [JSON.stringify(seen(left)), JSON.stringify(seen(right))]
  const told = `${JSON.stringify(request)}\nsqlite   ${a}\npostgres ${b}`
  const placed = (left.body?.errors ?? []).every(hasPlace)
  return { refused: left.status >= 400, difference: a === b && left.status < 500 && placed ? null : told }
}

for (let number = 0; number < WORLDS; number++) {
  t.test(`world ${SEED + number}`, async (t) => {
    const random = new Random(SEED + number)
    const pair = await servePair(t, random)
    const sequences = new Sequences(pair.url)
    await sequences.open()
    let known: Known = new Map()
    let different: string | null = null
    for (let step = 0; step < REQUESTS && different === null; step++) {
      if (step % 10 === 0) known = await storedKeys(pair)
      const request = new Requests(random, pair.world, known).next(step < FILLING)
      if (request.method !== 'GET') await sequences.remember()
      const { refused, difference } = await ask(pair, request)
      different = difference
      if (refused && request.method !== 'GET') await sequences.restore()
    }
    await sequences.close()
    t.equal(different, null, JSON.stringify(pair.world.config))
  })
}
