/** Faults of PostgreSQL, each with its one defined answer (spec: Reliability). */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS, type Teardown, testDatabaseUrl } from '../helpers/databases.js'
import { type FaultProxy, startProxy } from '../helpers/proxy.js'

const CONFIG = {
  database: { pool: { max: 3 } },
  resources: {
    Note: { columns: { text: 'string(100)!' } },
    Tag: { columns: { name: { type: 'string', primary: true } } },
  },
}

interface World {
  readonly api: Api
  readonly proxy: FaultProxy
  /** Past the proxy. */
  readonly url: string
}

/** Everything about notes waits until the client rolls back. */
async function lockNotes(t: Teardown, url: string): Promise<pg.Client> {
  const blocker = new pg.Client({ connectionString: url })
  await blocker.connect()
  t.teardown(() => blocker.end())
  await blocker.query('BEGIN')
  await blocker.query('LOCK TABLE note IN ACCESS EXCLUSIVE MODE')
  return blocker
}

async function start(t: Teardown, timeout = '3s'): Promise<World> {
  const url = await testDatabaseUrl(t, 'postgres')
  const direct = new URL(url)
  const proxy = await startProxy(t, direct.hostname, Number(direct.port))
  const through = new URL(url)
  through.port = String(proxy.port)
  const api = await startApi(t, { ...CONFIG, server: { timeout } }, { database: through.href })
  await api.post('/notes', { text: 'first' })
  return { api, proxy, url }
}

/** Repeats until the answer is 200; resolves to the milliseconds it took. */
async function untilOk(api: Api, limitMs: number): Promise<number> {
  const started = performance.now()
  while (performance.now() - started < limitMs) {
    if ((await api.get('/notes/1')).status === 200) return performance.now() - started
    await sleep(50)
  }
  return Number.POSITIVE_INFINITY
}

if (DIALECTS.includes('postgres')) {
  t.test('a database that is away is 503 with Retry-After, and comes back by itself', async (t) => {
    const { api, proxy } = await start(t)
    proxy.refuse()
    proxy.reset()
    await sleep(20)
    for (const answer of [
      await api.get('/notes/1'),
      await api.post('/notes', { text: 'x' }),
      await api.get('/notes'),
    ]) {
      t.equal(answer.status, 503)
      t.equal(answer.body.code, 'unavailable')
      t.ok(Number(answer.headers['retry-after']) > 0)
    }
    t.match(await api.get('/ready'), { status: 503, body: { database: false } })
    t.equal((await api.get('/live')).status, 200)
    t.equal((await api.post('/notes', '{')).status, 400, 'what is refused for its form needs no database')
    proxy.accept()
    t.ok((await untilOk(api, 10_000)) < 5_000)
    t.equal((await api.get('/ready')).status, 200)
  })

  t.test('connections cut under load cost no acknowledged row and no 500', async (t) => {
    const { api, proxy, url } = await start(t)
    const acknowledged: number[] = []
    const statuses = new Map<number, number>()
    let running = true
    const writer = async (): Promise<void> => {
      while (running) {
        const { status, body } = await api.post('/notes', { text: 'x' })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status === 201) acknowledged.push(body.id)
      }
    }
    const writers = Array.from({ length: 6 }, writer)
    for (let round = 0; round < 5; round += 1) {
      await sleep(150)
      if (round % 2 === 0) proxy.reset()
      else proxy.cut()
    }
    await sleep(300)
    running = false
    await Promise.all(writers)
    t.same(
      [...statuses.keys()].filter((status) => ![201, 503].includes(status)),
      [],
    )
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query('SELECT id FROM note')
    await client.end()
    const stored = new Set(rows.map(({ id }) => id))
    t.ok(acknowledged.length > 0)
    t.same(
      acknowledged.filter((id) => !stored.has(id)),
      [],
    )
  })

  t.test('an exhausted pool is 503 within two seconds while /live answers at once', async (t) => {
    const { api, url } = await start(t, '20s')
    const blocker = await lockNotes(t, url)
    const stuck = Array.from({ length: 3 }, () => api.get('/notes'))
    await sleep(200)
    const started = performance.now()
    const more = Array.from({ length: 20 }, () => api.get('/notes?text=x'))
    t.equal((await api.get('/live')).status, 200)
    t.ok(performance.now() - started < 500)
    t.equal((await api.get('/tags')).status, 503, 'another table, the same pool')
    t.match((await api.get('/metrics')).body, /biodm_pool_connections\{state="used"\} 3/)
    for (const { status, headers } of await Promise.all(more)) {
      t.equal(status, 503)
      t.ok(Number(headers['retry-after']) > 0)
    }
    t.ok(performance.now() - started < 5_000)
    t.equal((await api.get('/tags/x')).status, 404, 'reads of one row do not wait for the pool')
    await blocker.query('ROLLBACK')
    for (const { status } of await Promise.all(stuck)) t.equal(status, 200)
    t.ok((await untilOk(api, 5_000)) < 5_000)
  })

  t.test('a statement that takes too long is 504, and its row is not there', async (t) => {
    const { api, url } = await start(t)
    const blocker = await lockNotes(t, url)
    const started = performance.now()
    const answer = await api.post('/notes', { text: 'late' })
    t.equal(answer.status, 504)
    t.ok(performance.now() - started < 4_500)
    await blocker.query('ROLLBACK')
    await sleep(300)
    t.same((await api.get('/notes?text=late')).body, [])
  })

  t.test('a silent database is 504 or 503, never a hanging request', async (t) => {
    const { api, proxy } = await start(t)
    proxy.hold()
    const started = performance.now()
    const answers = await Promise.all([
      api.get('/notes/1'),
      api.post('/notes', { text: 'x' }),
      api.get('/notes'),
    ])
    for (const { status } of answers) t.ok([503, 504].includes(status), String(status))
    t.ok(performance.now() - started < 5_000)
    t.equal((await api.get('/ready')).status, 503)
    proxy.release()
    t.ok((await untilOk(api, 10_000)) < 5_000)
  })
}
