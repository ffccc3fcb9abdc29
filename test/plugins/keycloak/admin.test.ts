import t from 'tap'
import { isUuid } from '../../../plugins/keycloak/admin/shapes.js'
import { adminSuite, managers } from './suites/admin.js'
import { startFake } from './world.js'

adminSuite(t, startFake)

t.test('faults', async (t) => {
  const world = await startFake(t)
  const { fake } = world
  const { users, groups } = managers(world)
  await users.find('bob')

  t.test('a Keycloak that fails in any way is unavailable', async (t) => {
    for (const kind of ['down', 'nonsense', 'empty'] as const) {
      const off = fake.fault({ kind })
      await t.rejects(users.find('bob'), { code: 'unavailable', headers: { 'Retry-After': '5' } }, kind)
      await t.rejects(groups.find('lab'), { code: 'unavailable' }, kind)
      off()
    }
    for (const status of [500, 502, 503]) {
      const off = fake.fault({ kind: 'status', status })
      await t.rejects(users.find('bob'), { code: 'unavailable' }, String(status))
      off()
    }
    t.ok(await users.find('bob'), 'and is used again when it is back')
  })

  t.test('a silent one is given three seconds', async (t) => {
    const off = fake.fault({ kind: 'slow', ms: 10_000 })
    const started = Date.now()
    await t.rejects(users.find('bob'), { code: 'unavailable' })
    off()
    t.ok(Date.now() - started < 4_000)
  })

  t.test('a token refused once is renewed, by one request for all', async (t) => {
    await fake.keys.rotate({ disableOld: true })
    const before = fake.calls.length
    await Promise.all(Array.from({ length: 10 }, () => users.find('bob')))
    const tokens = fake.calls.slice(before).filter((call) => call.endsWith('/token'))
    t.ok(tokens.length <= 2, `${tokens.length} token requests`)
  })

  t.test('a create whose answer is lost is looked up before it counts as failed', async (t) => {
    fake.fault({ kind: 'lost', on: /^POST .*\/users$/, times: 1 })
    const { user, created } = await users.create('lost', {}, null)
    t.ok(isUuid(user.id))
    t.equal(created, false, 'it may be somebody else who made it')
    fake.fault({ kind: 'lost', on: /^POST .*\/groups$/, times: 1 })
    t.match(await groups.create('lost', null), { created: false, group: { path: '/lost' } })
    fake.fault({ kind: 'down', on: /^POST .*\/groups$/, times: 1 })
    await t.rejects(groups.create('never', null), { code: 'unavailable' })
  })

  t.test('what somebody else makes in between is taken as found', async (t) => {
    fake.fault({
      kind: 'meanwhile',
      on: /^POST .*\/users$/,
      times: 1,
      run: () => fake.realm.createUser({ username: 'twin' }),
    })
    t.match(await users.create('twin', {}, null), { created: false, user: { username: 'twin' } })
    fake.fault({
      kind: 'meanwhile',
      on: /^POST .*\/groups$/,
      times: 1,
      run: () => fake.realm.createGroup({ name: 'twins' }, null),
    })
    t.match(await groups.create('twins', null), { created: false, group: { name: 'twins' } })
  })

  t.test('a membership answered with 409 is looked at', async (t) => {
    const bob = await users.find('bob')
    const lab = await groups.find('lab')
    if (bob === null || lab === null) throw new Error('missing')
    fake.fault({ kind: 'status', status: 409, on: /^PUT .*\/groups\//, times: 2 })
    await users.join(bob.id, lab.id)
    t.ok((await users.groups(bob.id)).some(({ path }) => path === '/lab'))
    fake.fault({ kind: 'status', status: 409, on: /^PUT .*\/groups\//, times: 9 })
    await users.join(bob.id, lab.id)
  })
})
