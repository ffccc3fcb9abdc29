/** The import of everything: run on the fake and on a real Keycloak. */
import type { Test } from 'tap'
import type { DialectName } from '../../../../src/config/definition.js'
import type { Runtime } from '../../../../src/runtime.js'
import { ADMIN, MEMBER, startApp } from '../app.js'
import type { StartWorld } from '../world.js'
import { groupPaths, remoteGroup, remoteUser } from './resources.js'

const names = (rows: Record<string, string>[], key: string) => rows.map((row) => row[key]).sort()

async function members(app: Runtime, path: string): Promise<(string | undefined)[]> {
  const { body } = await app.as(ADMIN).get(`/groups/${path}/users`)
  return names(body, 'username')
}

export function syncSuite(t: Test, dialect: DialectName, start: StartWorld): void {
  const both = async (t: Test) => {
    const world = await start(t)
    const app = await startApp(t, dialect, world)
    return { world, app, admin: app.as(ADMIN) }
  }

  t.test('a sync imports groups, users and memberships, and a second one finds nothing to do', async (t) => {
    const { world, app, admin } = await both(t)
    const preview = await admin.post('/kc_sync?dry_run=true')
    const expected = {
      groups: { created: 5, updated: 0, unchanged: 0 },
      users: { created: 2, updated: 0, unchanged: 0 },
      memberships: { added: 2, removed: 0 },
    }
    t.match(preview, { status: 200, body: { dry_run: true, ...expected } })
    t.match(await admin.get('/users'), { body: [] }, 'a dry run writes nothing')

    t.match(await admin.post('/kc_sync'), {
      status: 200,
      body: { dry_run: false, ...expected, skipped: [], conflicts: [] },
    })
    t.same(names((await admin.get('/groups')).body, 'path'), [
      'admin',
      'lab',
      'lab__dna',
      'lab__rna',
      'lab__rna__deep',
    ])
    t.match(await admin.get('/groups/lab__rna__deep?fields=path,id,parent.path'), {
      body: { parent: { path: 'lab__rna' }, id: (await remoteGroup(world, 'lab/rna/deep'))?.id },
    })
    t.match((await admin.get('/users/bob')).body, {
      id: (await remoteUser(world, 'bob'))?.id,
      email: 'bob@example.org',
      groups: [{ path: 'lab__rna__deep' }],
    })
    t.match(await admin.post('/kc_sync'), {
      body: {
        groups: { created: 0, updated: 0, unchanged: 5 },
        users: { unchanged: 2 },
        memberships: { added: 0, removed: 0 },
      },
    })
    for (const query of ['dry_run=yes', 'dry_run=']) {
      t.match(await admin.post(`/kc_sync?${query}`), {
        status: 400,
        body: { code: 'invalid_query', errors: [{ parameter: 'dry_run' }] },
      })
    }
    t.match(await admin.post('/kc_sync?dry_run=True'), { body: { dry_run: true } })
    t.match(await app.as(MEMBER).post('/kc_sync'), { status: 403 })
    t.match(await app.as(null).post('/kc_sync'), { status: 401 })
  })

  t.test('only what a sync put into a group is taken out again', async (t) => {
    const { world, app, admin } = await both(t)
    await admin.post('/kc_sync')
    const dna = await remoteGroup(world, 'lab/dna')
    const alice = await remoteUser(world, 'alice')
    const bob = await remoteUser(world, 'bob')
    await world.console.users.addToGroup({ id: alice?.id ?? '', groupId: dna?.id ?? '' })
    t.match(await admin.post('/kc_sync'), { body: { memberships: { added: 1, removed: 0 } } })
    await admin.post('/groups/lab__dna/users', { username: 'bob' })
    t.same(await members(app, 'lab__dna'), ['alice', 'bob'])

    await world.console.users.delFromGroup({ id: alice?.id ?? '', groupId: dna?.id ?? '' })
    await world.console.users.delFromGroup({ id: bob?.id ?? '', groupId: dna?.id ?? '' })
    t.match(await admin.post('/kc_sync'), { body: { memberships: { added: 0, removed: 1 } } })
    t.same(await members(app, 'lab__dna'), ['bob'], 'a membership made here stays')
    t.same(await groupPaths(world, 'bob'), ['/lab/rna/deep'])
  })

  t.test('columns follow Keycloak, an empty id is filled', async (t) => {
    const { world, admin } = await both(t)
    await admin.post('/kc_sync')
    const bob = await remoteUser(world, 'bob')
    await world.console.users.update({ id: bob?.id ?? '' }, { firstName: 'Robert' })
    await admin.put('/users/alice', { id: null })
    t.match(await admin.post('/kc_sync'), { body: { users: { created: 0, updated: 2, unchanged: 0 } } })
    t.match((await admin.get('/users/bob')).body, { firstName: 'Robert' })
    t.match((await admin.get('/users/alice')).body, { id: (await remoteUser(world, 'alice'))?.id })
  })

  t.test('a group under a new path leaves its old row behind without an id', async (t) => {
    const { world, admin } = await both(t)
    await admin.post('/kc_sync')
    const dna = await remoteGroup(world, 'lab/dna')
    await world.console.groups.update({ id: dna?.id ?? '' }, { name: 'genomics' })
    t.match(await admin.post('/kc_sync'), {
      body: { groups: { created: 1 }, conflicts: [{ what: 'group lab__dna' }] },
    })
    t.match((await admin.get('/groups/lab__dna')).body, { path: 'lab__dna', id: null })
    t.match((await admin.get('/groups/lab__genomics')).body, { id: dna?.id })
  })

  t.test('names that are no paths are skipped, with all below them', async (t) => {
    const { world, admin } = await both(t)
    for (const name of ['a/b', '_x', 'y__z', '..']) {
      const { id } = await world.console.groups.create({ name })
      await world.console.groups.createChildGroup({ id }, { name: 'child' })
    }
    const { status, body } = await admin.post('/kc_sync')
    t.equal(status, 200)
    t.match(body, { groups: { created: 5 } })
    t.equal(body.skipped.length, 4)
    t.same(names((await admin.get('/groups')).body, 'path'), [
      'admin',
      'lab',
      'lab__dna',
      'lab__rna',
      'lab__rna__deep',
    ])
  })

  t.test('a tree of any depth and breadth is imported', async (t) => {
    const { world, admin } = await both(t)
    let parent = await remoteGroup(world, 'lab')
    for (let depth = 1; depth <= 12; depth += 1) {
      parent = await world.console.groups.createChildGroup({ id: parent?.id ?? '' }, { name: `d${depth}` })
    }
    for (let i = 0; i < 25; i += 1) {
      await world.console.groups.createChildGroup({ id: parent?.id ?? '' }, { name: `wide${i}` })
    }
    t.match(await admin.post('/kc_sync'), { status: 200, body: { groups: { created: 5 + 12 + 25 } } })
    t.match(await admin.get('/groups?path=*wide*&count=true&end=100'), { headers: { 'x-total-count': '25' } })
  })
}
