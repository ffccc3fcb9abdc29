import t, { type Test } from 'tap'
import type { DialectName } from '../../../src/config/definition.js'
import { DIALECTS } from '../../helpers/databases.js'
import { ADMIN, eventually, MEMBER, startApp } from './app.js'
import { bearer } from './suites/auth.js'
import { startFake } from './world.js'

const both = async (t: Test, dialect: DialectName, keycloak = {}) => {
  const world = await startFake(t)
  const app = await startApp(t, dialect, world, { keycloak })
  const { fake } = world
  return { world, fake, app, admin: app.as(ADMIN), member: app.as(MEMBER) }
}

for (const dialect of DIALECTS) {
  t.test(
    `${dialect}: a Keycloak that is away, failing or talking nonsense is 503, and nothing is written`,
    async (t) => {
      const { fake, admin } = await both(t, dialect)
      for (const kind of ['down', 'status', 'nonsense', 'empty'] as const) {
        const off = fake.fault({ kind, status: 502 })
        const requests = [
          await admin.post('/users', { username: 'bob' }),
          await admin.post('/groups', { path: 'lab' }),
          await admin.post('/datasets', { name: kind, contact: { username: 'bob' } }),
          await admin.post('/datasets', { name: kind, contact_username: 'bob' }),
          await admin.post('/kc_sync'),
          await admin.post('/logout', { refresh_token: 'a.b.c' }),
        ]
        for (const answer of requests) {
          t.match(
            answer,
            { status: 503, headers: { 'retry-after': /\d/ }, body: { code: 'unavailable' } },
            kind,
          )
        }
        off()
      }
      t.match(await admin.get('/users'), { body: [] })
      t.match(await admin.get('/datasets'), { body: [] })
      t.match(
        await admin.post('/users', { username: 'bob' }),
        { status: 201 },
        'and it is used when it is back',
      )
    },
  )

  t.test(`${dialect}: known keys go on verifying, unknown ones are 503 while Keycloak is away`, async (t) => {
    const { world, fake, app } = await both(t, dialect)
    await app.client.get('/authenticated', bearer(await world.accessToken('bob')))
    await fake.keys.rotate()
    const rotated = bearer(await world.accessToken('alice'))
    fake.fault({ kind: 'down' })
    await new Promise((resolve) => setTimeout(resolve, 5_100))
    t.match(await app.client.get('/authenticated', rotated), { status: 503 })
    t.match(await app.client.get('/authenticated', bearer(await world.accessToken('bob'))), { status: 503 })
    t.match(await app.client.get('/live', rotated), { status: 200 })
  })

  t.test(
    `${dialect}: each user and group of a request is looked up once, those known here not at all`,
    async (t) => {
      const { fake, admin, member } = await both(t, dialect)
      const users = Array.from({ length: 12 }, (_, i) => ({ username: `user-${i % 4}` }))
      const groups = Array.from({ length: 3 }, (_, i) => ({ path: `g${i}`, users: users.slice(0, 4) }))
      fake.calls.length = 0
      t.match(await admin.post('/groups', groups), { status: 201 })
      const lookups = fake.calls.filter((call) =>
        /GET .*(users\?.*username=(?!service)|group-by-path)/.test(call),
      )
      t.equal(lookups.length, new Set(lookups).size, 'nothing is looked up twice')
      t.equal(lookups.length, 4 + 3)

      fake.calls.length = 0
      const datasets = Array.from({ length: 50 }, (_, i) => ({
        name: `d${i}`,
        contact: { username: `user-${i % 4}` },
      }))
      t.match(await member.post('/datasets', datasets), { status: 201 })
      t.same(fake.calls, [], 'known users ask nobody')
    },
  )

  t.test(
    `${dialect}: what somebody else makes in between is taken as found; a taken e-mail is told`,
    async (t) => {
      const { fake, admin } = await both(t, dialect)
      const meanwhile = (on: RegExp, run: () => unknown) =>
        fake.fault({ kind: 'meanwhile', on, times: 1, run })
      meanwhile(/^POST .*\/users$/, () => fake.realm.createUser({ username: 'twin', email: 't@example.org' }))
      t.match(await admin.post('/users', { username: 'twin', firstName: 'T' }), {
        status: 201,
        body: { email: 't@example.org', firstName: 'T' },
      })
      meanwhile(/^POST .*\/groups$/, () => fake.realm.createGroup({ name: 'twins' }, null))
      t.match(await admin.post('/groups', { path: 'twins' }), {
        status: 201,
        body: { id: fake.realm.groupAt('twins')?.id },
      })
      meanwhile(/^POST .*\/users$/, () =>
        fake.realm.createUser({ username: 'other', email: 'x@example.org' }),
      )
      t.match(await admin.post('/users', { username: 'late', email: 'x@example.org' }), {
        status: 409,
        body: { code: 'unique_violation', errors: [{ pointer: '/email' }] },
      })
    },
  )

  t.test(`${dialect}: a create whose answer is lost is found again`, async (t) => {
    const { fake, admin } = await both(t, dialect)
    fake.fault({ kind: 'lost', on: /^POST .*\/users$/, times: 1 })
    t.match(await admin.post('/users', { username: 'lost' }), {
      status: 201,
      body: { id: fake.realm.userNamed('lost')?.id },
    })
    fake.fault({ kind: 'lost', on: /^POST .*\/groups$/, times: 1 })
    t.match(await admin.post('/groups', { path: 'lost' }), { status: 201 })
  })

  t.test(`${dialect}: a change whose answer is lost is put back, since the request fails`, async (t) => {
    const { fake, admin } = await both(t, dialect)
    await admin.post('/users', { username: 'bob' })
    await admin.post('/groups', { path: 'lab' })
    const paths = () =>
      [...(fake.realm.userNamed('bob')?.groups ?? [])].map((id) => fake.realm.groups.get(id)?.name)
    for (const kind of ['lost', 'nonsense'] as const) {
      fake.fault({ kind, on: /^PUT .*\/users\/[^/]*$/, times: 1 })
      t.match(await admin.put('/users/bob', { firstName: 'Lost' }), { status: 503 }, kind)
      t.equal(fake.realm.userNamed('bob')?.firstName, 'Bob', kind)
      fake.fault({ kind, on: /^PUT .*\/groups\//, times: 1 })
      t.match(await admin.post('/groups/lab/users', { username: 'bob' }), { status: 503 }, kind)
      t.same(paths(), ['deep'], kind)
      t.match(await admin.get('/users/bob'), { body: { firstName: 'Bob', groups: [] } }, kind)
    }
  })

  t.test(`${dialect}: each user and group is looked up once, at whatever depths it stands`, async (t) => {
    const { fake, admin } = await both(t, dialect)
    const carol = { username: 'carol', email: 'carol@example.org' }
    await admin.get('/datasets')
    fake.calls.length = 0
    t.match(
      await admin.post('/datasets', {
        name: 'd',
        contact: { ...carol, groups: [{ path: 'lab', users: [{ username: 'bob' }] }] },
        readers: [
          { path: 'g', users: [carol, { username: 'bob', groups: [{ path: 'lab' }, { path: 'g' }] }] },
        ],
      }),
      { status: 201 },
    )
    const lookups = fake.calls.filter((call) =>
      /GET .*(users\?.*username=(?!service)|group-by-path)/.test(call),
    )
    t.same(lookups.length, new Set(lookups).size)
    t.equal(lookups.length, 4)
  })

  t.test(`${dialect}: a pending deletion closes the name, and is repeated until it is done`, async (t) => {
    const { fake, admin, member } = await both(t, dialect)
    await admin.post('/users', { username: 'bob' })
    const off = fake.fault({ kind: 'status', status: 500, on: /^DELETE / })
    t.match(await admin.delete('/users/bob'), { status: 204 })
    await eventually(() => fake.calls.some((call) => call.startsWith('DELETE')), 'the first attempt')
    t.match(await admin.post('/users', { username: 'bob' }), { status: 409, body: { code: 'conflict' } })
    for (const named of [{ contact: { username: 'bob' } }, { contact_username: 'bob' }]) {
      t.match(await member.post('/datasets', { name: 'd', ...named }), {
        status: 409,
        body: { code: 'reference_missing', detail: /just being deleted/ },
      })
    }
    t.match(await admin.post('/kc_sync'), { status: 200 })
    t.match(await admin.get('/users/bob'), { status: 404 }, 'a sync does not bring it back')
    off()
    await eventually(() => fake.realm.userNamed('bob') === undefined, 'the second attempt')
    await eventually(
      async () => (await admin.post('/users', { username: 'bob' })).status === 201,
      'the name is free',
    )
  })

  t.test(`${dialect}: a group that has children by the time the deletion runs stays`, async (t) => {
    const { fake, admin } = await both(t, dialect)
    await admin.post('/groups', { path: 'lab__dna' })
    const dna = fake.realm.groupAt('lab/dna')
    const off = fake.fault({ kind: 'status', status: 503, on: /^GET .*\/children/ })
    t.match(await admin.delete('/groups/lab__dna'), { status: 503 }, 'children must be looked up first')
    off()
    let looked = 0
    fake.fault({
      kind: 'meanwhile',
      on: /^GET .*\/children/,
      run: () => {
        looked += 1
        if (looked === 2) fake.realm.createGroup({ name: 'late' }, dna?.id ?? null)
      },
    })
    t.match(await admin.delete('/groups/lab__dna'), { status: 204 })
    await eventually(() => looked >= 2, 'the job looks again')
    await eventually(
      async () => (await admin.post('/groups', { path: 'lab__dna' })).status === 201,
      'the job is done',
    )
    t.ok(fake.realm.groupAt('lab/dna/late'))
  })

  t.test(`${dialect}: with act_as: caller an admin's own token does what the request asks for`, async (t) => {
    const { world, fake, app } = await both(t, dialect, { act_as: 'caller' })
    const roleless = fake.realm.userNamed('bob')
    const admins = fake.realm.groupAt('admin')
    roleless?.groups.add(admins?.id ?? '')
    const bob = bearer(await world.accessToken('bob'))
    t.match(await app.client.post('/users', { username: 'carol' }, bob), {
      status: 403,
      body: { code: 'forbidden' },
    })
    t.equal(fake.realm.userNamed('carol'), undefined, 'Keycloak decides by the caller, who lacks its role')
    t.match(
      await app.client.post('/users', { username: 'alice' }, bob),
      { status: 201 },
      'reading is for the service account',
    )

    const alice = bearer(await world.accessToken('alice'))
    t.match(await app.client.post('/users', { username: 'carol', groups: [{ path: 'lab' }] }, alice), {
      status: 201,
    })
    t.match(await app.client.delete('/users/carol', alice), { status: 204 })
    await eventually(
      () => fake.realm.userNamed('carol') === undefined,
      'deletions are for the service account',
    )
  })

  t.test(
    `${dialect}: 25 000 characters, a hundred users at once and other hostile input never become a 500`,
    async (t) => {
      const { fake, admin } = await both(t, dialect)
      const hostile = [
        '..',
        '.',
        '%',
        '*',
        '',
        ' ',
        'schema',
        'a'.repeat(300),
        '\u00e9'.repeat(90),
        'x/../../y',
        '__',
        '😀😀😀',
      ]
      for (const name of hostile) {
        for (const [path, body] of [
          ['/users', { username: name }],
          ['/groups', { path: name }],
          ['/groups', { path: 'lab', users: [{ username: name }] }],
          ['/users', { username: 'carol', email: name, firstName: name, lastName: name, password: name }],
        ] as const) {
          const { status } = await admin.post(path, body)
          t.ok(status < 500, `${path} ${JSON.stringify(name).slice(0, 20)}: ${status}`)
        }
      }
      t.ok(fake.realm.userNamed('alice'), 'the realm is still there')
      const many = Array.from({ length: 100 }, (_, i) => ({
        username: `many-${i}`,
        groups: [{ path: 'lab' }],
      }))
      t.match(await admin.post('/users', many), { status: 201 })
      t.equal(fake.realm.members(fake.realm.groupAt('lab')?.id ?? '').length >= 100, true)
    },
  )

  t.test(`${dialect}: two processes never sync at once`, async (t) => {
    const { fake, admin } = await both(t, dialect)
    fake.fault({ kind: 'slow', ms: 300, on: /groups\/count/, times: 1 })
    const answers = await Promise.all([admin.post('/kc_sync'), admin.post('/kc_sync')])
    t.same(answers.map(({ status }) => status).sort(), [200, 409])
    t.match(await admin.post('/kc_sync'), { status: 200 }, 'and afterwards again')
  })
}

t.test('a service account without its role is told apart from an empty Keycloak', async (t) => {
  const world = await startFake(t)
  const account = world.fake.realm.userNamed('service-account-api')
  if (account === undefined) throw new Error('no service account')
  world.fake.realm.users.set(account.id, { ...account, roles: ['query-users'] })
  const app = await startApp(t, 'sqlite', world)
  t.match(await app.as(ADMIN).post('/kc_sync'), { status: 503 }, 'nobody is taken for gone')
  t.match(await app.as(ADMIN).post('/groups', { path: 'lab' }), { status: 503 })
})
