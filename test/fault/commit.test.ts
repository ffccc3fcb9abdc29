/** A commit that fails or whose answer is lost: one defined answer, effects as they must be, nothing written twice, no connection lost. */
import t, { type Test } from 'tap'
import type { DialectName } from '../../src/config/definition.js'
import { silentLog } from '../../src/log.js'
import { openDatabase } from '../../src/managers/open.js'
import { PUPPET, type Puppet, puppetOf } from '../fixtures/puppet.js'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS, databaseSettings, testDatabaseUrl } from '../helpers/databases.js'
import { type FaultProxy, startProxy } from '../helpers/proxy.js'

const HOOKS = { write: { prefix: ['puppet.before'], postfix: ['puppet.after'] } }
const CONFIG = {
  name: 'commit',
  auth: 'off',
  database: { pool: { max: 2 } },
  plugins: { [PUPPET]: {} },
  resources: {
    Item: { columns: { id: { type: 'integer', primary: true }, other: 'integer' }, hooks: HOOKS },
    Note: { columns: { id: { type: 'uuid', primary: true, default: 'uuid' }, text: 'string(20)' } },
  },
}

/** The puppet writes down which of its effects ran. */
function noting(puppet: Puppet): string[] {
  const effects: string[] = []
  for (const stage of ['prefix', 'postfix'] as const) {
    puppet[stage] = (ctx: Parameters<Puppet['prefix']>[0] | Parameters<Puppet['postfix']>[0]) => {
      ctx.onRollback(() => effects.push(`undo ${stage}`))
      ctx.afterCommit(() => effects.push(`commit ${stage}`))
    }
  }
  return effects
}

const idle = (api: Api): boolean => api.runtime.core.database.stats().used === 0

/** Item's `other` must exist when the transaction ends, not before. */
async function deferring(t: Test, dialect: DialectName): Promise<Api> {
  const url = await testDatabaseUrl(t, dialect, { file: true })
  const direct = await openDatabase(databaseSettings(url), { log: silentLog(), timeoutMs: 10_000 })
  for (const text of [
    'CREATE TABLE item (id integer PRIMARY KEY, other integer REFERENCES item DEFERRABLE INITIALLY DEFERRED)',
    'CREATE TABLE note (id uuid PRIMARY KEY, text varchar(20))',
  ]) {
    await direct.write({ text, values: [] })
  }
  await direct.close()
  return await startApi(t, { ...CONFIG, database: { ...CONFIG.database, migrate: 'off' } }, { database: url })
}

for (const dialect of DIALECTS) {
  t.test(`${dialect}: a constraint that fails at the commit`, async (t) => {
    const api = await deferring(t, dialect)
    const effects = noting(puppetOf(api.runtime.core))
    for (let n = 0; n < 4; n += 1) {
      const answer = await api.post('/items', { id: 1, other: 2 })
      t.match(answer, { status: 409, body: { code: 'reference_missing' } })
    }
    t.same(effects, Array(4).fill(['undo postfix', 'undo prefix']).flat())
    t.ok(idle(api), 'no connection is lost')
    t.equal((await api.get('/items/1')).status, 404)
    effects.length = 0
    t.equal((await api.post('/items', [{ id: 1, other: 2 }, { id: 2 }])).status, 201)
    t.same(effects, ['commit prefix', 'commit postfix'])
  })
}

async function behindProxy(t: Test): Promise<{ readonly api: Api; readonly proxy: FaultProxy }> {
  const url = new URL(await testDatabaseUrl(t, 'postgres'))
  const proxy = await startProxy(t, url.hostname, Number(url.port))
  url.port = String(proxy.port)
  return { api: await startApi(t, CONFIG, { database: url.href }), proxy }
}

if (DIALECTS.includes('postgres')) {
  t.test('a connection that breaks before the commit arrives: nothing is written', async (t) => {
    const { api, proxy } = await behindProxy(t)
    const effects = noting(puppetOf(api.runtime.core))
    const cut = proxy.cutAt('COMMIT', 'before')
    const answer = await api.post('/items', { id: 1 })
    await cut
    t.match(answer, { status: 503, body: { code: 'unavailable' } })
    t.same(effects, ['undo postfix', 'undo prefix'])
    t.equal((await api.get('/items/1')).status, 404)
    t.ok(idle(api))
  })

  t.test('a commit whose answer is lost is not repeated', async (t) => {
    const { api, proxy } = await behindProxy(t)
    for (let n = 1; n <= 3; n += 1) {
      const cut = proxy.cutAt('COMMIT', 'answered')
      const answer = await api.post('/notes', { text: `note ${n}` })
      await cut
      t.match(answer, { status: 503, body: { code: 'unavailable' } })
      t.equal((await api.get(`/notes?text=note%20${n}`)).body.length, 1, 'it is there, once')
    }
    t.ok(idle(api))
  })
}
