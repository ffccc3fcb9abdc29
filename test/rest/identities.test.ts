/** Who a plugin's services act as: in routes, jobs, hooks and effects; and what the log and the history say of it. */
import type { BaseContext } from 'biodm'
import t, { type Test } from 'tap'
import type { DialectName } from '../../src/config/definition.js'
import type { Log } from '../../src/log.js'
import { PUPPET, type Puppet, puppetOf } from '../fixtures/puppet.js'
import { type Api, HEADER_AUTH, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'
import { until } from '../helpers/until.js'
import { historyOf } from '../helpers/worlds.js'

const CONFIG = {
  name: 'identities',
  plugins: { [HEADER_AUTH]: {}, [PUPPET]: {} },
  resources: {
    Open: { columns: { text: 'string(20)!' }, hooks: { write: { postfix: ['puppet.after'] } } },
    Secret: {
      columns: { text: 'string(20)!', owner: { type: 'string', default: 'user' } },
      access: { read: ['lab'], create: ['lab'], update: 'admin', delete: 'admin' },
    },
  },
}

const LIA = { 'x-user': 'lia', 'x-groups': 'lab' }
const EVE = { 'x-user': 'eve', 'x-groups': 'elsewhere' }

async function start(t: Test, dialect: DialectName, log?: Log): Promise<{ api: Api; puppet: Puppet }> {
  const api = await startApi(t, CONFIG, { dialect, ...(log === undefined ? {} : { overrides: { log } }) })
  const made = await api.as({ username: 'root', groups: ['admin'] }).post('/secrets', { text: 'first' })
  if (made.status !== 201) throw new Error(JSON.stringify(made.body))
  return { api, puppet: puppetOf(api.runtime.core) }
}

type Act = (ctx: Pick<BaseContext, 'service'>) => Promise<unknown>
const SYSTEM = { identity: 'system' } as const
const AS_LIA = { identity: { username: 'lia', groups: ['lab'], admin: false } } as const

/** What the route does, and what eve, nobody and lia are answered. */
const ROUTES: readonly (readonly [title: string, act: Act, ...statuses: number[]])[] = [
  ['reads as the caller', (ctx) => ctx.service('Secret').read(1), 403, 401, 200],
  ['lists as the caller', (ctx) => ctx.service('Secret').list(), 403, 401, 200],
  ['writes as the caller', (ctx) => ctx.service('Secret').write({ text: 'x' }), 403, 401, 200],
  ['deletes as the caller', (ctx) => ctx.service('Secret').delete(1), 403, 401, 403],
  ['reads as the system', (ctx) => ctx.service('Secret', SYSTEM).read(1), 200, 200, 200],
  ['writes as the system', (ctx) => ctx.service('Secret', SYSTEM).write({ text: 'y' }), 200, 200, 200],
  ['writes as somebody', (ctx) => ctx.service('Secret', AS_LIA).write({ text: 'z' }), 200, 200, 200],
  ['acts as nobody', (ctx) => ctx.service('Secret', { identity: null }).read(1), 401, 401, 401],
]

for (const dialect of DIALECTS) {
  t.test(`${dialect}: services of a route act as its caller unless they say otherwise`, async (t) => {
    const { api, puppet } = await start(t, dialect)
    for (const [title, act, ...statuses] of ROUTES) {
      puppet.route = async (ctx) => ({ status: 200, body: { done: (await act(ctx)) ?? null } })
      for (const [index, headers] of [EVE, {}, LIA].entries()) {
        const answer = await api.get('/puppet', headers as Record<string, string>)
        t.equal(answer.status, statuses[index], `${title}, caller ${index}: ${JSON.stringify(answer.body)}`)
      }
    }
    const secrets = (await api.as({ username: 'root', groups: ['admin'] }).get('/secrets?sort=id')).body
    t.same(
      secrets.map(({ text, owner }: Record<string, unknown>) => `${text} ${owner}`),
      ['first root', 'x lia', ...Array(3).fill('y system'), ...Array(3).fill('z lia')],
      'rows belong to whom the service acts as',
    )
    const history = (await historyOf(api.runtime)).map(({ username, path }) => `${username} ${path}`)
    t.same(history.slice(1), [
      'lia /puppet',
      ...Array(3).fill('system /puppet'),
      ...Array(3).fill('lia /puppet'),
    ])
  })

  t.test(`${dialect}: services of a job act as the system`, async (t) => {
    const { api, puppet } = await start(t, dialect)
    const seen: unknown[] = []
    puppet.postfix = (ctx) => ctx.enqueue('puppet.work', null)
    puppet.job = async (_, ctx) => {
      seen.push((await ctx.service('Secret').write({ text: 'job' }))[0]?.['owner'])
      const denied = await ctx
        .service('Secret', { identity: null })
        .read(1)
        .catch((error: Error) => error)
      seen.push((denied as { code?: unknown }).code)
      seen.push((await ctx.service('Secret', AS_LIA).read(1))?.['text'])
    }
    t.equal((await api.post('/opens', { text: 'a' }, EVE)).status, 201)
    t.ok(await until(async () => seen.length === 3))
    t.same(seen, ['system', 'authentication_required', 'first'])
    t.match((await historyOf(api.runtime)).at(-1), { username: 'system', resource: 'Secret' })
  })

  t.test(`${dialect}: services of a hook act as its caller, inside its transaction`, async (t) => {
    const { api, puppet } = await start(t, dialect)
    puppet.postfix = async (ctx) => {
      await ctx.service('Secret').write({ text: 'in' })
    }
    t.match(await api.post('/opens', { text: 'a' }, EVE), { status: 403, body: { code: 'forbidden' } })
    t.match(await api.post('/opens', { text: 'a' }), { status: 401 })
    t.equal((await api.post('/opens', { text: 'b' }, LIA)).status, 201)
    puppet.postfix = async (ctx) => {
      await ctx.service('Secret', SYSTEM).write({ text: 'gone' })
      throw new Error('no')
    }
    t.equal((await api.post('/opens', { text: 'c' }, EVE)).status, 500)
    const texts = async (path: string) =>
      (await api.as({ username: 'root', groups: ['admin'] }).get(path)).body.map(
        ({ text }: { text: string }) => text,
      )
    t.same(await texts('/opens'), ['b'])
    t.same(await texts('/secrets'), ['first', 'in'])
  })

  t.test(`${dialect}: every line that a request logs carries its id`, async (t) => {
    const lines: Record<string, unknown>[] = []
    const logOf = (bound: object): Log => {
      const line =
        (level: string) =>
        (facts: unknown, message?: string): void => {
          const given = typeof facts === 'object' && facts !== null ? facts : {}
          lines.push({ ...bound, ...given, level, message: message ?? facts })
        }
      const log = Object.fromEntries(
        ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, line(level)]),
      )
      return { ...log, child: (more: object) => logOf({ ...bound, ...more }) } as unknown as Log
    }
    const { api, puppet } = await start(t, dialect, logOf({}))
    const id = 'my-request.1'
    lines.length = 0
    puppet.postfix = async (ctx) => {
      ctx.log.info('from the hook')
      ctx.onRollback(() => Promise.reject(new Error('the undo fails')))
      await ctx.service('Secret').list()
      throw new Error('on purpose')
    }
    const answer = await api.post('/opens', { text: 'a' }, { ...LIA, 'x-request-id': id })
    t.match(answer, { status: 500, body: { request_id: id }, headers: { 'x-request-id': id } })
    puppet.route = (ctx) => {
      ctx.log.warn('from the route')
      throw new Error('route')
    }
    t.equal((await api.get('/puppet', { 'x-request-id': id })).status, 500)
    for (const text of [
      /from the hook/,
      /hook puppet.after on Open failed/,
      /rollback effect failed/,
      /from the route/,
      /request failed/,
    ])
      t.ok(
        lines.some(({ message }) => text.test(String(message))),
        String(text),
      )
    t.same(
      lines.filter((line) => line['request_id'] !== id),
      [],
    )
    t.notMatch(JSON.stringify(answer.body), /on purpose|undo/)
  })
}
