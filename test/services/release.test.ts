import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Database, Queryable, Statement, Transaction } from '../../src/managers/database.js'
import { recorderOf } from '../fixtures/recorder.js'
import { type Api, HEADER_AUTH, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const RECORDER = fileURLToPath(new URL('../fixtures/recorder.ts', import.meta.url))

const BOTH = { prefix: ['recorder.before'], postfix: ['recorder.after'] }
const UPPER = { prefix: ['recorder.upper'] }

const world = (hooks: Record<string, unknown>) => ({
  name: 'release',
  plugins: { [RECORDER]: {} },
  auth: 'off',
  resources: {
    Study: {
      versioned: true,
      columns: { name: 'string(50)!' },
      relations: { samples: { many: 'Sample' }, owner: { one: 'Person' } },
      hooks: hooks['Study'] ?? {},
    },
    Sample: {
      columns: { name: 'string(50)!' },
      relations: { study: { one: 'Study', required: true }, vials: { many: 'Vial' } },
      hooks: hooks['Sample'] ?? {},
    },
    Vial: {
      columns: { name: 'string(50)!' },
      relations: { sample: { one: 'Sample', required: true } },
      hooks: hooks['Vial'] ?? {},
    },
    Person: { columns: { name: 'string(50)!' }, hooks: hooks['Person'] ?? {} },
  },
})

const STUDY = {
  name: 's',
  samples: [
    { name: 'a', vials: [{ name: 'a1' }, { name: 'a2' }] },
    { name: 'b', vials: [{ name: 'b1' }] },
  ],
}

/** Statements that transactions of `database` run, by what they begin with. */
function counted(database: Database): string[] {
  const texts: string[] = []
  const transaction = database.transaction.bind(database)
  const watch = <T extends Queryable>(trx: T): T =>
    new Proxy(trx, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...given: unknown[]) => {
          if (['query', 'rows', 'execute'].includes(String(name))) texts.push((given[0] as Statement).text)
          return Reflect.apply(value, target, given)
        }
      },
    })
  Object.defineProperty(database, 'transaction', {
    value: (run: (trx: Transaction) => Promise<unknown>, options: object) =>
      transaction((trx) => run(watch(trx)), options),
  })
  return texts
}

for (const dialect of DIALECTS) {
  t.test(
    `${dialect}: hooks follow the release and every copied row, once a resource and level`,
    async (t) => {
      const config = world({
        Study: { release: BOTH, write: BOTH },
        Sample: { clone: BOTH },
        Vial: { clone: { postfix: ['recorder.after'] } },
        Person: { write: BOTH },
      })
      const api = await startApi(t, config, { dialect })
      const { calls } = recorderOf(api.runtime.core)
      await api.post('/studys', STUDY)
      calls.length = 0
      const { status } = await api.post('/studys/1_1/release', { name: 't', owner: { name: 'ada' } })
      t.equal(status, 201)
      t.same(
        calls.map(
          ({ stage, operation, resource, rows }) => `${stage} ${operation} ${resource} ${rows.length}`,
        ),
        [
          'prefix release Study 1',
          'prefix create Person 1',
          'prefix clone Sample 2',
          'postfix create Person 1',
          'postfix release Study 1',
          'postfix clone Sample 2',
          'postfix clone Vial 3',
        ],
      )
      t.match(calls[0], { data: [{ name: 't' }], rows: [{ id: 1, version: 1, name: 's' }] })
      t.match(calls[4], { data: [{ name: 't' }], rows: [{ id: 1, version: 2, name: 't', is_latest: true }] })
      t.match(calls[6]?.rows, [{ name: 'a1' }, { name: 'a2' }, { name: 'b1' }])
    },
  )

  t.test(`${dialect}: a prefix hook changes what is released and what is cloned`, async (t) => {
    const stamp = { prefix: [{ use: 'recorder.misbehave', with: { do: 'rename' } }] }
    const api = await startApi(t, world({ Study: { release: UPPER }, Sample: { clone: stamp } }), { dialect })
    await api.post('/studys', STUDY)
    t.match((await api.post('/studys/1_1/release', { name: 'new' })).body, { name: 'NEW' })
    t.match((await api.get('/samples?study.version=2&sort=id')).body, [
      { name: 'renamed' },
      { name: 'renamed' },
    ])
    t.match((await api.get('/vials?sample.study.version=2')).body, [{}, {}, {}])
  })

  t.test(`${dialect}: a hook that throws undoes the release`, async (t) => {
    const fail = { postfix: ['recorder.after', 'recorder.fail'] }
    const api = await startApi(t, world({ Sample: { clone: fail } }), { dialect })
    const { effects } = recorderOf(api.runtime.core)
    await api.post('/studys', STUDY)
    t.equal((await api.post('/studys/1_1/release')).status, 500)
    t.match((await api.get('/studys')).body, [{ version: 1, is_latest: true }])
    t.equal((await api.get('/samples')).body.length, 2)
    t.same(effects, ['undo postfix Sample'])
    t.equal((await api.post('/studys/1_1/release')).status, 500, 'and can be tried again')
  })

  t.test(`${dialect}: five collections of a thousand rows take under fifteen statements`, async (t) => {
    const names = ['A', 'B', 'C', 'D', 'E']
    const children = Object.fromEntries(
      names.map((name) => [
        name,
        { columns: { n: 'integer!' }, relations: { root: { one: 'Root', required: true } } },
      ]),
    )
    const relations = Object.fromEntries(names.map((name) => [name.toLowerCase(), { many: name }]))
    const api = await startApi(
      t,
      {
        auth: 'off',
        resources: { Root: { versioned: true, columns: { name: 'text' }, relations }, ...children },
      },
      { dialect },
    )
    const rows = Array.from({ length: 1000 }, (_, n) => ({ n }))
    const body = { name: 'r', ...Object.fromEntries(names.map((name) => [name.toLowerCase(), rows])) }
    t.equal((await api.post('/roots', body)).status, 201)
    const texts = counted(api.runtime.core.database)
    t.equal((await api.post('/roots/1_1/release', { name: 's' })).status, 201)
    t.ok(texts.length < 15, `${texts.length} statements`)
    for (const name of names) {
      const { headers } = await api.get(`/${name.toLowerCase()}s?root.version=2&count=true&end=1`)
      t.equal(headers['x-total-count'], '1000')
    }
  })

  t.test(`${dialect}: who may release what`, async (t) => {
    const config = {
      name: 'guarded',
      plugins: { [HEADER_AUTH]: {} },
      resources: {
        Project: {
          columns: { name: 'text!' },
          relations: { studies: { many: 'Study' } },
          permissions: {
            self: { verbs: ['read'] },
            studies: { verbs: ['read', 'write'], propagate: ['samples'] },
          },
        },
        Study: {
          versioned: true,
          columns: { name: 'text!' },
          relations: { project: { one: 'Project' }, samples: { many: 'Sample' } },
          access: { release: ['lab'] },
        },
        Sample: { columns: { name: 'text!' }, relations: { study: { one: 'Study', required: true } } },
      },
    }
    const api = await startApi(t, config, { dialect })
    const as = (username: string, ...groups: string[]) => api.as({ username, groups })
    const admin = as('root', 'admin')
    await admin.post(
      '/groups',
      ['lab', 'lab__a', 'lab__b'].map((path) => ({ path })),
    )
    const list = (...paths: string[]) => ({ groups: paths.map((path) => ({ path })) })
    const project = async (name: string, perm_studies: unknown, perm_self: unknown = null) =>
      (await admin.post('/projects', { name, perm_studies, perm_self })).body.id
    const open = await project('open', {})
    const mine = await project('mine', { write: list('lab__a') })
    const secret = await project('secret', { read: list('lab__b') }, { read: list('lab__b') })
    const study = async (project_id: number) =>
      (await admin.post('/studys', { name: 's', project_id, samples: [{ name: 'x' }] })).body.id
    const release = (who: ReturnType<typeof as>, id: number, body?: unknown) =>
      who.post(`/studys/${id}_1/release`, body)

    const [one, two, three, four] = [
      await study(open),
      await study(mine),
      await study(secret),
      await study(open),
    ]
    t.match(await api.as(null).post(`/studys/${one}_1/release`), { status: 401 })
    t.match(await release(as('eve', 'other'), one), { status: 403, body: { code: 'forbidden' } })
    t.match(await release(as('bob', 'lab__b'), two), { status: 403 }, 'the list of the project says no')
    t.match(await release(as('ann', 'lab__a'), three), { status: 404 }, 'not readable is not there')
    t.match(
      await release(as('bob', 'lab__b'), one, { project_id: mine }),
      { status: 403 },
      'no right at the new place',
    )
    t.match(await release(as('ann', 'lab__a'), one, { project_id: secret }), {
      status: 409,
      body: { code: 'reference_missing' },
    })
    t.match(await release(as('ann', 'lab__a'), one, { project_id: mine }), { status: 201 })
    t.match(await release(as('ann', 'lab__a'), two), { status: 201, body: { samples: [{ name: 'x' }] } })
    t.match(await release(as('bob', 'lab__b'), four, { samples: [{ name: 'y' }] }), {
      status: 201,
      body: { samples: [{ name: 'y' }] },
    })
  })
}

t.test('what is not versioned has no release', async (t) => {
  const api: Api = await startApi(t, world({}))
  t.match(await api.post('/persons/1/release'), { status: 404 })
})
