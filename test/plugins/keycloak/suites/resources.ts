/** Users and groups in step with Keycloak, over HTTP: run on the fake and on a real Keycloak, on both databases. */
import type { Test } from 'tap'
import type { DialectName } from '../../../../src/config/definition.js'
import { ADMIN, eventually, MEMBER, startApp } from '../app.js'
import type { StartWorld, World } from '../world.js'

export async function groupPaths({ console }: World, username: string): Promise<string[]> {
  const [user] = await console.users.find({ username, exact: true, max: 2 })
  if (user?.id === undefined) throw new Error(`no user ${username}`)
  const groups = await console.users.listGroups({ id: user.id, max: -1 })
  return groups.map(({ path }) => path ?? '').sort()
}

export async function remoteUser({ console }: World, username: string) {
  const users = await console.users.find({ username, exact: true, max: 2 })
  return users.find((user) => user.username === username)
}

export async function remoteGroup({ console, realm }: World, path: string) {
  return console.realms.getGroupByPath({ realm, path }).catch(() => undefined)
}

const UUID = /^[0-9a-f-]{36}$/

export function resourcesSuite(t: Test, dialect: DialectName, start: StartWorld): void {
  const both = async (t: Test, options = {}) => {
    const world = await start(t)
    const app = await startApp(t, dialect, world, options)
    return { world, app, admin: app.as(ADMIN), member: app.as(MEMBER) }
  }

  t.test('a group is created in Keycloak, or discovered there by its path', async (t) => {
    const { world, admin } = await both(t)
    const created = await admin.post('/groups', { path: 'lab__protein' })
    t.match(created, { status: 201, body: { path: 'lab__protein', id: UUID } })
    t.equal((await remoteGroup(world, 'lab/protein'))?.id, created.body.id)
    const found = await admin.post('/groups', { path: 'lab__rna__deep' })
    t.match(found, { status: 201, body: { id: (await remoteGroup(world, 'lab/rna/deep'))?.id } })
    t.match(await admin.post('/groups', [{ path: 'a' }, { path: 'a__b__c' }, { path: 'a__b' }]), {
      status: 201,
    })
    t.ok(await remoteGroup(world, 'a/b/c'), 'parents first, whatever the order')
  })

  t.test('a group needs its parent in Keycloak', async (t) => {
    const { world, admin } = await both(t)
    const answer = await admin.post('/groups', { path: 'nowhere__x' })
    t.match(answer, {
      status: 400,
      body: {
        code: 'invalid_body',
        detail: 'Input path does not match any parent group.',
        errors: [{ pointer: '/path' }],
      },
    })
    t.equal(await remoteGroup(world, 'nowhere'), undefined)
    t.match(await admin.get('/groups/nowhere__x'), { status: 404 })
  })

  t.test('a user is created in Keycloak with a password that nothing here keeps', async (t) => {
    const { world, app, admin } = await both(t)
    const body = {
      username: 'carol',
      email: 'Carol@Example.org',
      firstName: 'Carol',
      lastName: 'C',
      password: 'carol-pw',
    }
    const created = await admin.post('/users', body)
    t.match(created, { status: 201, body: { username: 'carol', id: UUID, email: 'carol@example.org' } })
    t.notOk(JSON.stringify(created.body).includes('carol-pw'))
    t.ok(await world.accessToken('carol'))
    t.match(await admin.put('/users/carol', { password: 'other-pw' }), { status: 200 })
    t.ok(await world.accessToken('carol', 'other-pw'))
    t.match(await admin.post('/users', { username: 'dave', password: 7 }), { status: 400 })
    const history = await app.core.database.query({ text: 'SELECT body FROM biodm_history', values: [] })
    t.ok(history.length > 0)
    t.notMatch(JSON.stringify(history), /carol-pw|other-pw/)
  })

  t.test('a name is enough to discover a user', async (t) => {
    const { world, admin } = await both(t)
    const remote = await remoteUser(world, 'bob')
    t.match(await admin.post('/users', { username: 'bob' }), {
      status: 201,
      body: { id: remote?.id, email: 'bob@example.org', firstName: 'Bob', lastName: 'Lab' },
    })
  })

  t.test('given columns that differ are changed in Keycloak, all others filled from there', async (t) => {
    const { world, admin } = await both(t)
    t.match(await admin.post('/users', { username: 'bob', firstName: 'Robert' }), {
      status: 201,
      body: { firstName: 'Robert', lastName: 'Lab' },
    })
    t.match(await remoteUser(world, 'bob'), {
      firstName: 'Robert',
      lastName: 'Lab',
      email: 'bob@example.org',
    })
    await world.console.users.update(
      { id: (await remoteUser(world, 'bob'))?.id ?? '' },
      { lastName: 'Elsewhere' },
    )
    t.match(await admin.put('/users/bob', { firstName: null }), {
      status: 200,
      body: { firstName: null, lastName: 'Elsewhere' },
    })
    t.notOk((await remoteUser(world, 'bob'))?.firstName)
  })

  t.test('memberships of nested users and groups are set, and unlinking removes them', async (t) => {
    const { world, admin } = await both(t)
    const users = [{ username: 'bob' }, { username: 'erin', email: 'erin@example.org' }]
    t.match(await admin.post('/groups', { path: 'lab__new', users }), { status: 201 })
    t.same(await groupPaths(world, 'bob'), ['/lab/new', '/lab/rna/deep'])
    t.same(await groupPaths(world, 'erin'), ['/lab/new'])

    t.match(
      await admin.post('/users', { username: 'frank', groups: [{ path: 'lab__new' }, { path: 'lab__dna' }] }),
      {
        status: 201,
      },
    )
    t.same(await groupPaths(world, 'frank'), ['/lab/dna', '/lab/new'])

    t.match(await admin.post('/groups/lab__dna/users', [{ username: 'erin' }]), { status: 201 })
    t.same(await groupPaths(world, 'erin'), ['/lab/dna', '/lab/new'])
    t.match(await admin.post('/users/erin/groups', { path: 'admin' }), { status: 201 })
    t.same(await groupPaths(world, 'erin'), ['/admin', '/lab/dna', '/lab/new'])

    t.match(await admin.delete('/users/erin/groups/admin'), { status: 204 })
    t.match(await admin.put('/groups/lab__new/users', [{ username: 'bob' }]), { status: 200 })
    await eventually(
      async () => (await groupPaths(world, 'erin')).join() === '/lab/dna',
      'erin leaves two groups',
    )
    await eventually(async () => (await groupPaths(world, 'frank')).join() === '/lab/dna', 'frank leaves one')
    t.same(await groupPaths(world, 'bob'), ['/lab/new', '/lab/rna/deep'])
  })

  t.test(
    'anybody may refer to a user of Keycloak, who is imported; nobody to one who is not there',
    async (t) => {
      const { world, admin, member } = await both(t)
      t.match(await member.post('/datasets', { name: 'd1', contact: { username: 'alice' } }), {
        status: 201,
        body: { contact: { username: 'alice', email: 'alice@example.org' } },
      })
      t.match(await member.post('/datasets', { name: 'd2', contact: { username: 'nobody' } }), {
        status: 409,
        body: { code: 'reference_missing', errors: [{ pointer: '/contact/username' }] },
      })
      t.match(
        await member.post('/datasets', {
          name: 'd3',
          contact: { username: 'mallory', email: 'm@example.org' },
        }),
        {
          status: 403,
        },
      )
      t.equal(await remoteUser(world, 'mallory'), undefined, 'our rules decide before Keycloak is touched')
      t.match(
        await member.post('/datasets', {
          name: 'd4',
          contact: { username: 'alice', email: 'm@example.org' },
        }),
        {
          status: 403,
        },
      )
      t.match(await remoteUser(world, 'alice'), { email: 'alice@example.org' })
      await admin.post('/groups', { path: 'admin' })
      await admin.post('/users', { username: 'bob' })
      t.match(await member.post('/groups/admin/users', { username: 'bob' }), { status: 403 })
      t.match(await member.post('/users/bob/groups', { path: 'admin' }), { status: 403 })
      t.same(await groupPaths(world, 'bob'), ['/lab/rna/deep'])
    },
  )

  t.test(
    'everything that Keycloak would refuse or mistreat has an answer before anything is written',
    async (t) => {
      const { world, admin } = await both(t)
      await admin.post('/users', { username: 'bob' })
      const refusals: [string, string, unknown, number, string][] = [
        ['a short name', '/users', { username: 'ab' }, 400, '/username'],
        ['a name with a space', '/users', { username: 'a b c' }, 400, '/username'],
        ['a service account', '/users', { username: 'service-account-api' }, 400, '/username'],
        ['a bad e-mail', '/users', { username: 'carol', email: 'x' }, 400, '/email'],
        ['a taken e-mail', '/users', { username: 'carol', email: 'ALICE@example.org' }, 409, '/email'],
        ['a bad name of a person', '/users', { username: 'carol', firstName: '<x>' }, 400, '/firstName'],
        ['a chosen id', '/users', { username: 'carol', id: '..' }, 400, '/id'],
        ['another id for somebody', '/users', { username: 'alice', id: '..' }, 400, '/id'],
        ['a chosen id of a group', '/groups', { path: 'x', id: 'y' }, 400, '/id'],
        ['an empty path', '/groups', { path: '' }, 400, '/path'],
        ['an empty level', '/groups', { path: 'lab____x' }, 400, '/path'],
        ['a path upwards', '/groups', { path: 'lab__..' }, 400, '/path'],
        ['a slash', '/groups', { path: 'lab/rna' }, 400, '/path'],
        ['a tilde at the end', '/groups', { path: 'lab~' }, 400, '/path'],
        ['a long name', '/groups', { path: 'x'.repeat(101) }, 400, '/path'],
        [
          'a bad one in a tree',
          '/groups',
          { path: 'fresh', users: [{ username: 'carol' }, { username: 'ab' }] },
          400,
          '/users/1/username',
        ],
      ]
      for (const [title, path, body, status, pointer] of refusals) {
        const answer = await admin.post(path, body)
        t.match(answer, { status, body: { errors: [{ pointer }] } }, title)
      }
      t.equal(await remoteUser(world, 'carol'), undefined)
      t.equal(await remoteGroup(world, 'fresh'), undefined)
      t.match(await admin.get('/users'), { body: [{ username: 'bob' }] })
      t.match(await admin.get('/groups?count=true'), { body: [] })
    },
  )

  t.test('what a refused write did in Keycloak is undone', async (t) => {
    const { world, admin } = await both(t)
    await admin.post('/datasets', { name: 'taken' })
    const answer = await admin.post('/datasets', {
      name: 'taken',
      contact: {
        username: 'bob',
        firstName: 'Changed',
        groups: [{ path: 'lab__fresh' }, { path: 'lab__dna' }],
      },
      readers: [{ path: 'admin', users: [{ username: 'gone' }] }],
    })
    t.match(answer, { status: 409, body: { code: 'unique_violation' } })
    t.match(await remoteUser(world, 'bob'), { firstName: 'Bob' })
    t.same(await groupPaths(world, 'bob'), ['/lab/rna/deep'])
    t.equal(await remoteUser(world, 'gone'), undefined)
    t.equal(await remoteGroup(world, 'lab/fresh'), undefined)
  })

  t.test('a delete reaches Keycloak after the commit', async (t) => {
    const { world, admin } = await both(t)
    await admin.post('/users', { username: 'bob' })
    t.match(await admin.delete('/users/bob'), { status: 204 })
    await eventually(async () => (await remoteUser(world, 'bob')) === undefined, 'bob is deleted in Keycloak')
    await admin.post('/groups', { path: 'lab__dna' })
    t.match(await admin.delete('/groups/lab__dna'), { status: 204 })
    await eventually(async () => (await remoteGroup(world, 'lab/dna')) === undefined, 'the group is deleted')
    t.match(await admin.post('/groups', { path: 'lab__dna' }), { status: 201 }, 'and can be made anew')
  })

  t.test('a group with children cannot be deleted, wherever they are', async (t) => {
    const { world, admin } = await both(t)
    await admin.post('/groups', { path: 'lab__rna' })
    t.match(
      await admin.delete('/groups/lab__rna'),
      { status: 409, body: { code: 'still_referenced' } },
      'in Keycloak',
    )
    await admin.post('/groups', [{ path: 'here' }, { path: 'here__below' }])
    t.match(await admin.delete('/groups/here'), { status: 409, body: { code: 'still_referenced' } }, 'here')
    t.ok(await remoteGroup(world, 'lab/rna/deep'))
    t.ok(await remoteGroup(world, 'here/below'))
  })

  t.test('a name is released by an admin and bound again', async (t) => {
    const { world, admin } = await both(t)
    await admin.post('/users', { username: 'bob' })
    const before = await remoteUser(world, 'bob')
    await world.console.users.del({ id: before?.id ?? '' })
    await world.console.users.create({ username: 'bob', enabled: true, email: 'new@example.org' })
    t.match(await admin.put('/users/bob', { firstName: 'New' }), { status: 409, body: { code: 'conflict' } })
    t.match(await admin.put('/users/bob', { id: null, firstName: 'New' }), { status: 400 })
    t.match(await admin.put('/users/bob', { id: null }), { status: 200, body: { id: null } })
    const after = await remoteUser(world, 'bob')
    t.match(await admin.put('/users/bob', { firstName: 'New' }), { status: 200, body: { id: after?.id } })
    t.not(after?.id, before?.id)
    t.match(await admin.post('/users', { username: 'fresh', id: null }), { status: 201, body: { id: UUID } })
  })
}
