/** A client that goes away while its request is at work: the work is stopped and undone, and nothing of it stays open. */
import { request as httpRequest } from 'node:http'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { DialectName } from '../../src/config/definition.js'
import { PUPPET, type Puppet, puppetOf } from '../fixtures/puppet.js'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS, testDatabaseUrl } from '../helpers/databases.js'
import { until } from '../helpers/until.js'

const CONFIG = {
  name: 'leavers',
  database: { pool: { max: 3 } },
  plugins: { [PUPPET]: {} },
  resources: {
    Note: {
      columns: { text: 'string(40)!' },
      hooks: { write: { prefix: ['puppet.before'], postfix: ['puppet.after'] } },
    },
    Trace: { columns: { name: { type: 'string', primary: true } } },
    Plain: { columns: { text: 'text' } },
  },
}

async function start(t: Test, dialect: DialectName): Promise<{ api: Api; puppet: Puppet; database: string }> {
  const database = await testDatabaseUrl(t, dialect, { file: true })
  const api = await startApi(t, CONFIG, { database })
  return { api, puppet: puppetOf(api.runtime.core), database }
}

/** Sends a request and goes away once `leave` resolves. */
function leaving(api: Api, path: string, body: unknown, leave: Promise<unknown>): void {
  const request = httpRequest(`${api.url}${path}`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json' },
  })
  request.on('error', () => undefined)
  request.end(JSON.stringify(body))
  void leave.then(() => request.destroy())
}

/** Nothing is under way and no connection is in use. */
const quiet = ({ runtime }: Api): Promise<boolean> =>
  until(async () => runtime.app.active === 0 && runtime.core.database.stats().used === 0)

for (const dialect of DIALECTS) {
  for (const stage of ['prefix', 'postfix'] as const) {
    t.test(`${dialect}: a client that leaves in a ${stage} hook`, async (t) => {
      const { api, puppet } = await start(t, dialect)
      let reason: unknown = null
      let entered = (): void => undefined
      const inside = new Promise<void>((resolve) => {
        entered = resolve
      })
      puppet.prefix = (ctx) => {
        ctx.onRollback(() => ctx.service('Trace', { identity: 'system' }).write({ name: 'undone' }))
        ctx.afterCommit(() => ctx.service('Trace').write({ name: 'committed' }))
      }
      const registered = puppet.prefix
      puppet[stage] = async (ctx: Parameters<Puppet['prefix']>[0] | Parameters<Puppet['postfix']>[0]) => {
        if (stage === 'prefix') registered(ctx as never)
        entered()
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }))
        reason = ctx.signal.reason
      }
      leaving(api, '/notes', { text: 'a' }, inside)
      t.ok(await until(async () => reason !== null), 'the signal is aborted')
      t.match(reason, { message: /client went away/ })
      t.ok(await quiet(api))
      t.same((await api.get('/notes')).body, [])
      t.same((await api.get('/traces')).body, [{ name: 'undone' }])
    })
  }

  t.test(`${dialect}: clients that leave all the time disturb nobody`, async (t) => {
    const { api, puppet } = await start(t, dialect)
    puppet.postfix = async (ctx) => {
      await ctx.trx.raw(dialect === 'postgres' ? 'SELECT pg_sleep(0.02)' : 'SELECT 1')
    }
    const statuses = new Map<number, number>()
    let running = true
    const steady = async (): Promise<void> => {
      while (running) {
        const { status } = await api.post('/plains', { text: 'x' })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
    const leavers = async (): Promise<void> => {
      for (let n = 0; n < 60; n += 1) {
        const gone = new Promise((resolve) => setTimeout(resolve, n % 30))
        leaving(api, '/notes', { text: 'a' }, gone)
        await gone
      }
    }
    const work = [steady(), steady()]
    await leavers()
    running = false
    await Promise.all(work)
    t.same([...statuses.keys()], [201])
    t.ok(await quiet(api))
    t.equal((await api.post('/notes', { text: 'b' })).status, 201)
  })
}

if (DIALECTS.includes('postgres')) {
  t.test('a statement that waits is cancelled, though the pool is exhausted', async (t) => {
    const { api, database } = await start(t, 'postgres')
    const blocker = new pg.Client({ connectionString: database })
    await blocker.connect()
    t.teardown(() => blocker.end())
    await blocker.query('BEGIN')
    await blocker.query('LOCK TABLE note IN ACCESS EXCLUSIVE MODE')
    const { stats } = api.runtime.core.database
    let leave = (): void => undefined
    const gone = new Promise<void>((resolve) => {
      leave = resolve
    })
    for (let n = 0; n < 3; n += 1) leaving(api, '/notes', { text: 'a' }, gone)
    t.ok(await until(async () => stats().used === 3))
    leave()
    t.ok(await quiet(api), 'all connections are back long before the limit of the statements')
    await blocker.query('ROLLBACK')
    t.same((await api.get('/notes')).body, [])
  })
}
