/** SQL of a plugin's own that is wrong is the plugin's fault, said by its name, and no word of the database being away. */
import type { PostfixContext, PrefixContext, RouteContext, TransactionContext } from 'biodm'
import t from 'tap'
import { PUPPET, puppetOf } from '../fixtures/puppet.js'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'
import { listening } from '../helpers/listening.js'
import { until } from '../helpers/until.js'

const CONFIG = {
  name: 'sql',
  auth: 'off',
  server: { timeout: '2s' },
  plugins: { [PUPPET]: {} },
  resources: {
    Box: {
      path: 'boxes',
      columns: { name: 'string(50)!' },
      hooks: { write: { prefix: ['puppet.before'], postfix: ['puppet.after'] } },
    },
  },
}

/** No table, no column, no syntax, no operator. */
const STATEMENTS = [
  'SELECT 1 FROM nowhere',
  'SELECT colour FROM box',
  'SELEC 1',
  'SELECT 1 FROM box WHERE nofunction(name)',
]

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const { log, lines } = listening()
    const api = await startApi(t, CONFIG, { dialect, overrides: { log } })
    const puppet = puppetOf(api.runtime.core)
    const reset = () =>
      Object.assign(puppet, {
        prefix: () => undefined,
        postfix: () => undefined,
        route: () => ({ status: 204 }),
      })
    const write = () => api.post('/boxes', { name: 'x' })
    const visit = () => api.get('/puppet')
    const bad =
      (text: string) =>
      async ({ trx }: TransactionContext | PostfixContext): Promise<void> => {
        await trx.raw(text)
      }
    const ROUTE = /route GET \/puppet of the plugin puppet failed: .*plugin puppet is wrong/
    const places = [
      {
        place: 'a postfix hook',
        says: /hook puppet\.after on Box failed/,
        act: (text: string) => {
          puppet.postfix = bad(text)
          return write()
        },
      },
      {
        place: 'a transaction of a prefix hook',
        says: /hook puppet\.before on Box failed .*plugin puppet is wrong/,
        act: (text: string) => {
          puppet.prefix = (ctx: PrefixContext) => ctx.transaction(bad(text))
          return write()
        },
      },
      {
        place: 'a route',
        says: ROUTE,
        act: (text: string) => {
          puppet.route = async (ctx: RouteContext) => {
            await ctx.transaction(bad(text))
            return { status: 200 }
          }
          return visit()
        },
      },
      {
        place: 'a reading transaction of a route',
        says: ROUTE,
        act: (text: string) => {
          puppet.route = async (ctx: RouteContext) => {
            await ctx.transaction(bad(text), { readonly: true })
            return { status: 200 }
          }
          return visit()
        },
      },
    ]
    for (const { place, says, act } of places) {
      t.test(`wrong SQL in ${place}`, async (t) => {
        for (const text of STATEMENTS) {
          reset()
          lines.length = 0
          const answer = await act(text)
          t.match(answer, { status: 500, body: { code: 'internal' } }, text)
          t.notMatch(JSON.stringify(answer.body), /nowhere|colour|SELEC|puppet/, 'nothing leaks')
          t.match(lines.join(' '), says, text)
        }
      })
    }

    t.test('a write in a reading transaction of a route', async (t) => {
      reset()
      lines.length = 0
      puppet.route = async (ctx) => {
        await ctx.transaction(bad(`INSERT INTO box (name) VALUES ('x')`), { readonly: true })
        return { status: 200 }
      }
      t.match(await visit(), { status: 500, body: { code: 'internal' } })
      t.match(lines.join(' '), ROUTE)
    })

    t.test('what a route throws names the plugin in the log', async (t) => {
      lines.length = 0
      puppet.route = () => {
        throw new Error('no')
      }
      t.match(await visit(), { status: 500 })
      t.match(lines.join(' '), /route GET \/puppet of the plugin puppet failed: no/)
    })

    t.test('nothing was written, and the server goes on', async (t) => {
      reset()
      t.same((await api.get('/boxes')).body, [])
      t.equal((await write()).status, 201)
    })
  })
}

if (DIALECTS.includes('postgres')) {
  t.test('a hook whose statement is too slow, deadlocked or cut is no fault of its own', async (t) => {
    const { log, lines } = listening()
    const api = await startApi(t, CONFIG, { dialect: 'postgres', overrides: { log } })
    const puppet = puppetOf(api.runtime.core)
    const write = () => api.post('/boxes', { name: 'x' })

    puppet.postfix = async ({ trx }) => await trx.raw('SELECT pg_sleep(10)')
    t.match(await write(), { status: 504, body: { code: 'timeout' } })

    puppet.postfix = async ({ trx }) => await trx.raw('SELECT pg_terminate_backend(pg_backend_pid())')
    const cut = await write()
    t.match(cut, { status: 503, body: { code: 'unavailable' }, headers: { 'retry-after': /\d/ } })
    t.match(lines.join(' '), /hook puppet\.after on Box had no database/)

    // Two rows, locked crosswise: one of the two transactions is undone by the database and runs again.
    puppet.postfix = () => undefined
    await api.post('/boxes', [{ name: 'a' }, { name: 'b' }])
    let attempts = 0
    puppet.postfix = async ({ trx, items }) => {
      attempts += 1
      const own = items[0]?.row['name'] === 'up' ? ['a', 'b'] : ['b', 'a']
      for (const name of own) {
        await trx.raw('UPDATE box SET name = name WHERE name = ?', [name])
        await until(async () => attempts > 1)
      }
    }
    const both = await Promise.all([api.post('/boxes', { name: 'up' }), api.post('/boxes', { name: 'down' })])
    t.same(
      both.map(({ status }) => status),
      [201, 201],
    )
    t.ok(attempts > 2, `${attempts} attempts`)
  })
}
