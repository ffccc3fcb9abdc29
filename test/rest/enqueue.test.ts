/** Jobs of a request: written with its commit, all together, in order; none of a request that does not commit. */
import t from 'tap'
import { listJobs } from '../../src/managers/outbox.js'
import { PUPPET, puppetOf } from '../fixtures/puppet.js'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'
import { until } from '../helpers/until.js'

const CONFIG = {
  name: 'queue',
  plugins: { [PUPPET]: {} },
  resources: {
    Note: {
      columns: { text: 'string(20)!' },
      hooks: { write: { postfix: ['puppet.after'] } },
    },
    Tag: {
      columns: { name: { type: 'string', primary: true } },
      hooks: { create: { postfix: ['puppet.after'] } },
    },
  },
}

const MANY = 10_000

for (const dialect of DIALECTS) {
  t.test(`${dialect}: ten thousand jobs of one request are there with it, in order`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect, overrides: { background: false } })
    const { core } = api.runtime
    const odd = { text: 'é "\\ \u0000 \u2028 💾', nested: [null, 1.5, {}] }
    puppetOf(core).postfix = async (ctx) => {
      for (let n = 0; n < MANY - 1; n += 1) await ctx.enqueue('puppet.work', n)
      await ctx.enqueue('puppet.work', odd)
    }
    const began = performance.now()
    t.equal((await api.post('/notes', { text: 'a' })).status, 201)
    t.comment(`${Math.round(performance.now() - began)} ms`)
    const jobs = await listJobs(core.database, MANY + 1)
    t.same(
      jobs.map(({ payload }) => payload),
      [...Array.from({ length: MANY - 1 }, (_, n) => n), odd],
    )
    puppetOf(core).postfix = async (ctx) => {
      await ctx.enqueue('puppet.work', 'never')
      throw new Error('no')
    }
    t.equal((await api.post('/notes', { text: 'b' })).status, 500)
    t.equal((await listJobs(core.database, MANY + 1)).length, MANY, 'none of a request that failed')
  })

  t.test(`${dialect}: jobs of an operation inside another one come with the outer commit`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    const puppet = puppetOf(api.runtime.core)
    const ran: unknown[] = []
    puppet.job = (payload) => ran.push(payload)
    let fails = true
    puppet.postfix = async (ctx) => {
      await ctx.enqueue('puppet.work', ctx.resource)
      if (ctx.resource === 'Note') await ctx.service('Tag').write({ name: 'inner' })
      if (fails && ctx.resource === 'Note') throw new Error('no')
    }
    t.equal((await api.post('/notes', { text: 'a' })).status, 500)
    fails = false
    t.equal((await api.post('/notes', { text: 'b' })).status, 201)
    t.ok(await until(async () => ran.length >= 2))
    t.same(ran.sort(), ['Note', 'Tag'])
  })

  t.test(`${dialect}: a job that comes when the request has ended is refused`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect, overrides: { background: false } })
    let late: Promise<unknown> = Promise.resolve()
    puppetOf(api.runtime.core).postfix = (ctx) => {
      ctx.afterCommit(() => {
        late = ctx.enqueue('puppet.work', 1).catch((error: unknown) => error)
      })
    }
    t.equal((await api.post('/notes', { text: 'a' })).status, 201)
    t.match(await late, { message: /puppet\.work.*too late.*await/ })
    t.same(await listJobs(api.runtime.core.database, 10), [])
  })
}
