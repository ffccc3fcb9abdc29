/** How the plugin's way to Keycloak's admin interface behaves: run on the fake and on a real Keycloak. */
import type { Test } from 'tap'
import { adminCall } from '../../../../plugins/keycloak/admin/call.js'
import { groupAdmin } from '../../../../plugins/keycloak/admin/groups.js'
import { serviceToken } from '../../../../plugins/keycloak/admin/token.js'
import { userAdmin } from '../../../../plugins/keycloak/admin/users.js'
import { silentLog } from '../../../../src/log.js'
import { CLIENT, type StartWorld, type World } from '../world.js'

export function managers({ url, realm }: World) {
  const tokens = serviceToken(`${url}/realms/${realm}/protocol/openid-connect/token`, CLIENT)
  const call = adminCall({ baseUrl: url, realm, tokens, actor: 'service', log: silentLog() })
  return { groups: groupAdmin(call), users: userAdmin(call) }
}

const NOBODY = '00000000-0000-4000-8000-000000000000'

async function must<T>(answer: Promise<T | null>): Promise<T> {
  const value = await answer
  if (value === null) throw new Error('expected to find it')
  return value
}

export function adminSuite(t: Test, start: StartWorld): void {
  t.test('a group is found by its exact path only', async (t) => {
    const world = await start(t)
    const { groups } = managers(world)
    await world.console.groups.create({ name: 'lab/dna' })
    await world.console.groups.create({ name: 'sp ace' })
    await world.console.groups.create({ name: 'ü%41' })
    const cases: [string, string | null][] = [
      ['admin', '/admin'],
      ['lab__rna__deep', '/lab/rna/deep'],
      ['lab__dna', '/lab/dna'],
      ['sp ace', '/sp ace'],
      ['ü%41', '/ü%41'],
      ['Admin', null],
      ['rna', null],
      ['lab__rn', null],
      ['lab__rna__deep__er', null],
    ]
    for (const [path, found] of cases) {
      t.equal((await groups.find(path))?.path ?? null, found, path)
    }
    for (const path of ['', '..', '.', 'lab__..', 'a/b', '__', 'x'.repeat(101)]) {
      await t.rejects(
        groups.find(path),
        { code: 'invalid_body' },
        `"${path.slice(0, 10)}" is never asked for`,
      )
    }
  })

  t.test('a group is made once, however many try', async (t) => {
    const { groups } = managers(await start(t))
    const lab = await must(groups.find('lab'))
    const made = await Promise.all(Array.from({ length: 8 }, () => groups.create('lab__protein', lab)))
    t.equal(made.filter(({ created }) => created).length, 1)
    t.equal(new Set(made.map(({ group }) => group.id)).size, 1)
    t.match(await groups.find('lab__protein'), { name: 'protein', path: '/lab/protein', parentId: lab.id })
    t.match(await groups.create('admin', null), { created: false, group: { path: '/admin' } })
    await t.rejects(groups.create('nowhere__x', { ...lab, id: NOBODY }), {
      code: 'invalid_body',
      message: 'Input path does not match any parent group.',
    })
    await t.rejects(groups.create('nowhere__x', { ...lab, id: '..' }), { code: 'conflict' })
  })

  t.test('children come page by page', async (t) => {
    const { groups } = managers(await start(t))
    const lab = await must(groups.find('lab'))
    for (let i = 0; i < 12; i += 1) await groups.create(`lab__c${i}`, lab)
    const first = await groups.children(lab.id, 0, 10)
    const rest = await groups.children(lab.id, 10, 10)
    t.equal(first.length, 10)
    t.equal(rest.length, 4)
    t.equal(new Set([...first, ...rest].map(({ id }) => id)).size, 14)
    t.same(
      (await groups.children(null, 0)).map(({ name, subGroupCount }) => [name, subGroupCount]),
      [
        ['admin', 0],
        ['lab', 14],
      ],
    )
  })

  t.test('a group with children is not deleted, since they would go with it', async (t) => {
    const { groups } = managers(await start(t))
    const rna = await must(groups.find('lab__rna'))
    const deep = await must(groups.find('lab__rna__deep'))
    t.equal(await groups.hasChildren(rna.id), true)
    t.equal(await groups.remove(rna.id), false)
    t.equal(await groups.remove(deep.id), true)
    t.equal(await groups.remove(deep.id), true, 'gone counts as done')
    t.equal(await groups.hasChildren(deep.id), false)
    t.equal(await groups.remove(rna.id), true)
    t.equal(await groups.find('lab__rna'), null)
    await t.rejects(groups.remove('..'), { code: 'conflict' })
    t.ok(await groups.find('lab'), 'the realm is still there')
  })

  t.test('a user is found by the exact name only', async (t) => {
    const { users } = managers(await start(t))
    t.match(await users.find('bob'), {
      username: 'bob',
      email: 'bob@example.org',
      firstName: 'Bob',
      lastName: 'Lab',
      serviceAccount: false,
    })
    t.match(await users.find('service-account-api'), { serviceAccount: true })
    for (const name of ['', 'bo', 'bo*', '%', '"bob"', 'nobody', ' bob'])
      t.equal(await users.find(name), null, name)
  })

  t.test('a user is made once, with a password that works', async (t) => {
    const world = await start(t)
    const { users } = managers(world)
    const fields = { email: 'Carol@Example.org', firstName: 'Carol', lastName: 'Ö' }
    const made = await Promise.all(Array.from({ length: 4 }, () => users.create('carol', fields, 'carol-pw')))
    t.equal(made.filter(({ created }) => created).length, 1)
    t.equal(new Set(made.map(({ user }) => user.id)).size, 1)
    t.match(await users.find('carol'), { email: 'carol@example.org', firstName: 'Carol', lastName: 'Ö' })
    t.ok(await world.accessToken('carol'))
    t.match(await users.create('bare', {}, null), { created: true })
    t.match(await users.find('bare'), { email: null, firstName: null, lastName: null })
    const { id } = await must(users.find('carol'))
    await users.setPassword(id, 'another-pw')
    t.ok(await world.accessToken('carol', 'another-pw'))
  })

  t.test('what Keycloak refuses of a user names the field', async (t) => {
    const { users } = managers(await start(t, { realm: { passwordPolicy: 'length(6)' } }))
    const { id } = await must(users.find('bob'))
    const refusals: [string, () => Promise<unknown>, string, string][] = [
      ['a short name', () => users.create('ab', {}, null), 'invalid_body', '/username'],
      ['a name with a space', () => users.create('a b c', {}, null), 'invalid_body', '/username'],
      ['a name with a slash', () => users.create('a/b/c', {}, null), 'invalid_body', '/username'],
      ['a bad e-mail', () => users.create('dave', { email: 'nonsense' }, null), 'invalid_body', '/email'],
      [
        'a taken e-mail',
        () => users.create('dave', { email: 'bob@example.org' }, null),
        'unique_violation',
        '/email',
      ],
      [
        'a taken e-mail in capitals',
        () => users.create('dave', { email: 'BOB@example.org' }, null),
        'unique_violation',
        '/email',
      ],
      [
        'a first name with <',
        () => users.create('dave', { firstName: '<b>' }, null),
        'invalid_body',
        '/firstName',
      ],
      [
        'a last name with ;',
        () => users.create('dave', { lastName: 'x;y' }, null),
        'invalid_body',
        '/lastName',
      ],
      ['a short password', () => users.create('dave', {}, 'short'), 'invalid_body', '/password'],
      ['an update to a bad e-mail', () => users.update(id, { email: '@' }), 'invalid_body', '/email'],
      [
        'an update to a taken e-mail',
        () => users.update(id, { email: 'alice@example.org' }),
        'unique_violation',
        '/email',
      ],
      ['a short new password', () => users.setPassword(id, 'short'), 'invalid_body', '/password'],
    ]
    for (const [title, attempt, code, pointer] of refusals) {
      await t.rejects(attempt(), { code, errors: [{ pointer }] }, title)
    }
    t.equal(await users.find('dave'), null, 'nothing was made')
    t.match(await users.find('bob'), { email: 'bob@example.org' }, 'nothing was changed')
    await t.rejects(users.update(NOBODY, { firstName: 'X' }), { code: 'conflict' })
    await t.rejects(users.update('', { firstName: 'X' }), { code: 'conflict' })
  })

  t.test('an update touches what it names', async (t) => {
    const { users } = managers(await start(t))
    const { id } = await must(users.find('bob'))
    await users.update(id, { firstName: 'Robert' })
    t.match(await users.find('bob'), { firstName: 'Robert', lastName: 'Lab', email: 'bob@example.org' })
    await users.update(id, { lastName: null, email: 'Rob@Example.org' })
    t.match(await users.find('bob'), { firstName: 'Robert', lastName: null, email: 'rob@example.org' })
  })

  t.test('memberships can be repeated, and go both ways', async (t) => {
    const { users, groups } = managers(await start(t))
    const { id } = await must(users.find('alice'))
    const rna = await must(groups.find('lab__rna'))
    await Promise.all(Array.from({ length: 8 }, () => users.join(id, rna.id)))
    t.same(
      (await users.groups(id)).map(({ path }) => path),
      ['/admin', '/lab/rna'],
    )
    t.same(
      (await users.members(rna.id, 0)).map(({ username }) => username),
      ['alice'],
    )
    t.same(await users.members((await must(groups.find('lab'))).id, 0), [], 'a parent has members of its own')
    await Promise.all(Array.from({ length: 4 }, () => users.leave(id, rna.id)))
    t.same(
      (await users.groups(id)).map(({ path }) => path),
      ['/admin'],
    )
    await users.leave(id, NOBODY)
    await t.rejects(users.join(id, NOBODY), 'an unknown group cannot be joined')
    await t.rejects(users.join('..', rna.id), { code: 'conflict' })
  })

  t.test('deleting a user twice is done twice', async (t) => {
    const { users } = managers(await start(t))
    const { id } = await must(users.find('bob'))
    await users.remove(id)
    await users.remove(id)
    t.equal(await users.find('bob'), null)
    for (const hostile of ['', '.', '..', '../x', `${NOBODY}/..`, 'x']) {
      await t.rejects(users.remove(hostile), { code: 'conflict' }, `the id "${hostile}"`)
    }
    t.ok(await users.find('alice'), 'everybody else is still there')
  })

  t.test('users come page by page, without service accounts', async (t) => {
    const { users } = managers(await start(t))
    for (let i = 0; i < 5; i += 1) await users.create(`user-${i}`, {}, null)
    const names = [...(await users.page(0, 4)), ...(await users.page(4, 4))].map(({ username }) => username)
    t.same(names, ['alice', 'bob', 'user-0', 'user-1', 'user-2', 'user-3', 'user-4'])
  })
}
