/** Several runtimes in one process, used at once: nothing of one shows in another. */
import t, { type Test } from 'tap'
import { TALLY, tallyOf } from '../fixtures/tally.js'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS, testDatabaseUrl } from '../helpers/databases.js'
import { until } from '../helpers/until.js'

/** Same name, resource and plugin everywhere; columns, options and settings of its own for each. */
const WORLDS = {
  red: { extra: { weight: 'integer' }, page: 2, options: { label: 'red' } },
  green: { extra: { colour: { type: 'enum', values: ['light', 'dark'] } }, page: 3, options: { tags: [1] } },
  blue: { extra: { weight: 'string(5)', made: 'date' }, page: 4, options: { label: 'blue' } },
} as const

const SENT: Readonly<Record<keyof typeof WORLDS, Readonly<Record<string, unknown>>>> = {
  red: { weight: 7 },
  green: { colour: 'dark' },
  blue: { weight: 'seven', made: '2024-02-29' },
}

const config = (world: keyof typeof WORLDS) => ({
  name: world,
  server: { page_size: WORLDS[world].page, admin_group: `${world}_admins` },
  plugins: { [TALLY]: WORLDS[world].options },
  resources: {
    Item: {
      columns: { name: 'string(40)!', label: 'string', ...WORLDS[world].extra },
      hooks: { create: { prefix: ['tally.stamp'], postfix: ['tally.tell'] } },
    },
    [`Only${world}`]: { path: `only-${world}`, columns: { name: 'string' } },
  },
})

const names = Object.keys(WORLDS) as (keyof typeof WORLDS)[]
const frozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen)
  return value
}

async function all(t: Test, dialects: readonly (typeof DIALECTS)[number][]): Promise<Map<string, Api>> {
  const started = dialects.flatMap((dialect) =>
    names.map(
      async (world) =>
        [`${dialect} ${world}`, await startApi(t, frozen(config(world)), { dialect })] as const,
    ),
  )
  return new Map(await Promise.all(started))
}

const worldOf = (name: string) => name.split(' ')[1] as keyof typeof WORLDS

t.test('resources, settings, plugins and metrics of several runtimes at once', async (t) => {
  const apis = await all(t, DIALECTS)
  const each = async (work: (api: Api, world: keyof typeof WORLDS, name: string) => Promise<void>) => {
    await Promise.all([...apis].map(([name, api]) => work(api, worldOf(name), name)))
  }
  const ROWS = 9

  await each(async (api, world, name) => {
    const writes = Array.from({ length: ROWS }, (_, n) =>
      api.post('/items', { name: `${name} ${n}`, ...SENT[world] }),
    )
    for (const { status, body } of await Promise.all(writes))
      t.match({ status, ...body }, { status: 201, ...SENT[world] })
  })
  await each(async (api, world, name) => {
    const { body, headers } = await api.get('/items?count=true')
    t.equal(headers['x-total-count'], String(ROWS), `${name} has its own rows`)
    t.equal(body.length, WORLDS[world].page, 'and pages')
    t.ok(body.every((row: { name: string }) => row.name.startsWith(name)))
    t.equal(body[0].label, world === 'green' ? 'unnamed' : world, 'stamped by its own plugin')
    for (const other of names) {
      t.equal((await api.get(`/only-${other}`)).status, other === world ? 200 : 404)
      const { status } = await api.post('/items', { name: 'x', ...SENT[other] })
      t.equal(status, other === world ? 201 : 400, `${world} takes what is ${other}`)
    }
    const { body: schema } = await api.get('/schema')
    t.equal(schema.info.title, world)
    const paths = Object.keys(schema.paths).filter((path) => path.startsWith('/only-'))
    t.same([...new Set(paths.map((path) => path.split('/')[1]))], [`only-${world}`])
  })
  await each(async (api, world, name) => {
    const label = world === 'green' ? 'unnamed' : world
    const tags = world === 'green' ? [1] : []
    t.match((await api.get('/tally')).body, { settings: { label, tags }, label })
    const tally = tallyOf(api.runtime.core)
    t.equal(tally.hooks, ROWS + 1)
    t.ok(await until(async () => tally.jobs.length === ROWS + 1), 'each job ran in its own runtime')
    t.same(
      tally.jobs.filter((job) => job !== 'x' && !String(job).startsWith(name)),
      [],
    )
    const metrics: string = (await api.get('/metrics')).body
    const count = /biodm_request_seconds_count\{method="POST",route="\/items",status="201"\} (\d+)/.exec(
      metrics,
    )
    t.equal(Number(count?.[1]), ROWS + 1, 'counted apart')
    for (const other of names) t.equal(metrics.includes(`route="/only-${other}"`), other === world)
  })
  await each(async (api, world) => {
    for (const other of names) {
      const { body } = await api.as({ username: 'ada', groups: [`${other}_admins`] }).get('/tally')
      t.equal(body.who.admin, other === world, 'the admin group is its own')
    }
  })
})

t.test('one closes, the others go on; a second close does nothing', async (t) => {
  const apis = await all(t, DIALECTS)
  const closing = [...apis].filter(([name]) => name.endsWith('red'))
  const others = [...apis].filter(([name]) => !name.endsWith('red'))
  let running = true
  const statuses = new Set<number>()
  const load = others.map(async ([name, api]) => {
    for (let n = 0; running; n += 1) {
      statuses.add((await api.post('/items', { name: `${name} ${n}`, ...SENT[worldOf(name)] })).status)
      statuses.add((await api.get('/items?count=true')).status + 1)
    }
  })
  await Promise.all(closing.map(([, api]) => api.runtime.close()))
  await Promise.all(closing.map(([, api]) => api.runtime.close()))
  running = false
  await Promise.all(load)
  t.same([...statuses], [201])
  for (const [, api] of closing) {
    t.equal(tallyOf(api.runtime.core).closed, 1)
    await t.rejects(api.get('/items'), 'nobody listens')
    t.equal((await api.as(null).get('/items')).status, 503)
    t.equal((await api.as(null).post('/items', { name: 'x' })).status, 503)
  }
  for (const [, api] of others) {
    t.equal(tallyOf(api.runtime.core).closed, 0)
    t.equal((await api.get('/ready')).status, 200)
    t.equal((await api.post('/items', { name: 'after' })).status, 201)
  }
})

t.test('one that fails to start takes nothing of the others along', async (t) => {
  const api = await startApi(t, config('red'))
  const wrong = { ...config('blue'), plugins: { [TALLY]: { colour: 1 } } }
  await t.rejects(startApi(t, wrong), { name: 'ConfigError' })
  await t.rejects(startApi(t, config('blue'), { database: 'postgres://nobody@127.0.0.1:1/none' }))
  t.equal((await api.post('/items', { name: 'x' })).status, 201)
  t.equal(tallyOf(api.runtime.core).closed, 0)
})

for (const dialect of DIALECTS) {
  t.test(`${dialect}: a token is good where it was given, and where the same database is`, async (t) => {
    const ACCOUNTS = {
      name: 'same',
      plugins: { accounts: {} },
      resources: { Note: { columns: { text: 'string', author: { type: 'string', default: 'user' } } } },
    }
    const password = 'correct horse battery'
    const shared = await testDatabaseUrl(t, dialect, { file: true })
    const here = await startApi(t, ACCOUNTS, { database: shared })
    const beside = await startApi(t, ACCOUNTS, { database: shared })
    const elsewhere = await startApi(t, ACCOUNTS, { dialect, file: true })
    for (const api of [here, elsewhere]) {
      const root = api.as({ username: 'root', groups: ['admin'] })
      t.equal((await root.post('/users', { username: 'ada', password })).status, 201)
    }
    const tokens = await Promise.all(
      [here, elsewhere].map(async (api) => (await api.post('/login', { username: 'ada', password })).body),
    )
    const [own, foreign] = tokens
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    t.equal((await here.post('/notes', { text: 'a' }, bearer(own.access_token))).status, 201)
    t.equal((await beside.post('/notes', { text: 'b' }, bearer(own.access_token))).status, 201)
    t.equal((await elsewhere.post('/notes', { text: 'c' }, bearer(own.access_token))).status, 401)
    t.equal((await here.post('/notes', { text: 'd' }, bearer(foreign.access_token))).status, 401)
    t.equal((await elsewhere.post('/refresh', { refresh_token: own.refresh_token })).status, 401)
    t.match((await here.get('/notes?sort=id')).body, [{ text: 'a' }, { text: 'b', author: 'ada' }])
    t.equal((await beside.post('/refresh', { refresh_token: own.refresh_token })).status, 200)

    await here.runtime.close()
    t.equal((await beside.post('/login', { username: 'ada', password })).status, 200)
    t.equal((await elsewhere.post('/login', { username: 'ada', password })).status, 200)
  })
}

t.test('failed logins are counted apart', async (t) => {
  const ACCOUNTS = { name: 'same', plugins: { accounts: {} } }
  const [one, other] = [await startApi(t, ACCOUNTS), await startApi(t, ACCOUNTS)]
  const password = 'correct horse battery'
  for (const api of [one, other]) {
    await api.as({ username: 'root', groups: ['admin'] }).post('/users', { username: 'ada', password })
  }
  const fail = () => one.post('/login', { username: 'ada', password: 'wrong' })
  for (let n = 0; n < 11; n += 1) await fail()
  t.equal((await fail()).status, 429)
  t.equal((await other.post('/login', { username: 'ada', password })).status, 200)
})
