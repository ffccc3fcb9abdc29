/** Users and groups that a request names in other ways than by one object each: run on the fake and on a real Keycloak. */
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { DialectName } from '../../../../src/config/definition.js'
import { puppetOf } from '../../../fixtures/puppet.js'
import { ADMIN, MEMBER, startApp } from '../app.js'
import { CLIENT, type StartWorld } from '../world.js'
import { groupPaths, remoteGroup, remoteUser } from './resources.js'

const PUPPET = fileURLToPath(new URL('../../../fixtures/puppet.ts', import.meta.url))
const UUID = /^[0-9a-f-]{36}$/

export function referencesSuite(t: Test, dialect: DialectName, start: StartWorld): void {
  const both = async (t: Test) => {
    const world = await start(t)
    const { url, realm } = world
    const app = await startApp(t, dialect, world, {
      config: {
        plugins: {
          keycloak: { host: url, realm, client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret },
          [PUPPET]: {},
        },
        resources: {
          Dataset: {
            columns: { name: { type: 'string(50)', required: true, unique: true } },
            relations: {
              contact: { one: 'User' },
              readers: { many: 'Group', through: 'dataset_reader' },
              files: { many: 'File' },
            },
            permissions: { files: { verbs: ['read'] } },
            access: { create: 'authenticated', update: 'authenticated' },
            hooks: { write: { postfix: ['puppet.after'] } },
          },
          File: { relations: { dataset: { one: 'Dataset', required: true } } },
        },
      },
    })
    return { world, app, admin: app.as(ADMIN), member: app.as(MEMBER) }
  }

  t.test('a foreign key or a list imports what Keycloak has, and makes nothing there', async (t) => {
    const { world, admin, member } = await both(t)
    const read = (...paths: string[]) => ({ read: { groups: paths.map((path) => ({ path })) } })
    t.match(
      await member.post('/datasets', { name: 'd1', contact_username: 'alice', perm_files: read('lab__dna') }),
      {
        status: 201,
        body: { contact: { username: 'alice', id: (await remoteUser(world, 'alice'))?.id } },
      },
    )
    t.match(await admin.get('/groups/lab__dna'), {
      body: { id: (await remoteGroup(world, 'lab/dna'))?.id },
    })
    const missing: [Record<string, unknown>, string][] = [
      [{ name: 'd2', contact_username: 'nobody' }, '/contact_username'],
      [{ name: 'd2', contact_username: 'service-account-api' }, '/contact_username'],
      [{ name: 'd2', perm_files: read('lab__rna', 'lab__none') }, '/perm_files/read/groups/1/path'],
    ]
    for (const [body, pointer] of missing) {
      for (const client of [member, admin]) {
        t.match(
          await client.post('/datasets', body),
          { status: 409, body: { code: 'reference_missing', errors: [{ pointer }] } },
          JSON.stringify(body),
        )
      }
    }
    t.equal(await remoteUser(world, 'nobody'), undefined)
    t.equal(await remoteGroup(world, 'lab/none'), undefined)
    t.match(await member.put('/datasets/1', { contact_username: 'BOB' }), {
      status: 200,
      body: { contact_username: 'bob', contact: { username: 'bob' } },
    })
  })

  t.test('names and e-mails are put into lower case first', async (t) => {
    const { world, admin, member } = await both(t)
    t.match(await admin.post('/users', { username: 'Carol', email: 'CAROL@Example.org' }), {
      status: 201,
      headers: { location: '/users/carol' },
      body: { username: 'carol', email: 'carol@example.org', id: UUID },
    })
    t.match(await remoteUser(world, 'carol'), { username: 'carol', email: 'carol@example.org' })
    t.match(await admin.put('/users/CAROL', { firstName: 'C' }), { status: 200 })
    t.match(await admin.get('/users?username=CaRol'), { body: [{ firstName: 'C' }] })
    t.match(await admin.get('/users?email=Carol@example.ORG'), { body: [{ username: 'carol' }] })
    t.match(await member.post('/datasets', { name: 'd', contact: { username: 'Alice' } }), {
      status: 201,
      body: { contact_username: 'alice' },
    })
    t.match(
      await admin.post('/groups', { path: 'lab__new', users: [{ username: 'BOB' }, { username: 'bob' }] }),
      {
        status: 201,
      },
    )
    t.same(await groupPaths(world, 'bob'), ['/lab/new', '/lab/rna/deep'])
    t.match(await admin.post('/users', { username: 'Carol' }), { status: 201 }, 'the same user again')
    t.equal((await admin.get('/users?username=carol')).body.length, 1)
  })

  t.test('a user may stand at several places of a tree', async (t) => {
    const { world, admin } = await both(t)
    const dave = {
      username: 'dave',
      email: 'Dave@example.org',
      firstName: 'D',
      lastName: 'V',
      password: 'dave-pw',
    }
    const tree = {
      name: 'd',
      contact: dave,
      readers: [
        { path: 'lab__a', users: [dave, { username: 'bob' }] },
        { path: 'lab__b', users: [{ username: 'dave' }] },
      ],
    }
    t.match(await admin.post('/datasets', tree), { status: 201, body: { contact: { username: 'dave' } } })
    t.same(await groupPaths(world, 'dave'), ['/lab/a', '/lab/b'])
    t.ok(await world.accessToken('dave'))
    t.match(await admin.post('/datasets', { ...tree, name: 'e' }), { status: 201 }, 'also once he is there')
    t.match(
      await admin.post('/groups', { path: 'lab__c', users: [dave, { ...dave, password: 'other-pw' }] }),
      { status: 400, body: { errors: [{ pointer: '/users/1' }] } },
      'with one password',
    )
    t.equal(await remoteGroup(world, 'lab/c'), undefined)
  })

  t.test('a refused request leaves nobody behind, neither here nor there', async (t) => {
    const { world, admin } = await both(t)
    await admin.post('/datasets', { name: 'taken' })
    t.match(
      await admin.post('/datasets', {
        name: 'taken',
        contact: { username: 'ghost' },
        readers: [{ path: 'ghosts' }],
      }),
      { status: 409, body: { code: 'unique_violation' } },
    )
    t.equal(await remoteUser(world, 'ghost'), undefined)
    t.equal(await remoteGroup(world, 'ghosts'), undefined)
    t.match(await admin.get('/users/ghost'), { status: 404 })
    t.match(await admin.get('/groups/ghosts'), { status: 404 })
  })

  t.test('a postfix hook writes users and groups in the transaction of its request', async (t) => {
    const { world, app, admin } = await both(t)
    const puppet = puppetOf(app.core)
    puppet.postfix = async (ctx) => {
      await ctx.service('Group').write({ path: 'lab__auto', users: [{ username: 'bob' }] })
    }
    t.match(await admin.post('/datasets', { name: 'd1' }), { status: 201 })
    t.match(await admin.get('/groups/lab__auto'), { status: 200, body: { users: [{ username: 'bob' }] } })
    puppet.postfix = async (ctx) => {
      await ctx.service('Group').delete('lab__auto')
      await ctx.service('User').write({ username: 'gone' })
      throw new Error('no')
    }
    t.match(await admin.post('/datasets', { name: 'd2' }), { status: 500 })
    t.equal(await remoteUser(world, 'gone'), undefined)
    t.match(await admin.get('/groups/lab__auto'), { status: 200 })
    t.same(await groupPaths(world, 'bob'), ['/lab/auto', '/lab/rna/deep'])
  })
}
