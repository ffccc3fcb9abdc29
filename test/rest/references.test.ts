/** Prefix hooks and rows that a request names more than once, or without an object of their own. */
import { fileURLToPath } from 'node:url'
import type { PrefixContext } from 'biodm'
import t, { type Test } from 'tap'
import { type Puppet, puppetOf } from '../fixtures/puppet.js'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const PUPPET = fileURLToPath(new URL('../fixtures/puppet.ts', import.meta.url))
const before = { prefix: ['puppet.before'] }

const WORLD = {
  name: 'references',
  auth: 'off',
  plugins: { [PUPPET]: {} },
  resources: {
    Person: {
      columns: { name: { type: 'string(50)', primary: true }, title: 'string(50)' },
      hooks: { write: before, refer: before },
    },
    Box: {
      path: 'boxes',
      columns: { name: 'string(50)!' },
      relations: {
        owner: { one: 'Person' },
        items: { many: 'Item' },
        readers: { many: 'Person', through: 'box_reader' },
      },
      permissions: { items: { verbs: ['read'] } },
      hooks: { write: { postfix: ['puppet.after'] } },
    },
    Item: {
      columns: { name: 'string(50)!' },
      relations: { box: { one: 'Box', required: true }, owner: { one: 'Person' } },
    },
    Edition: { versioned: true, columns: { name: 'string(50)!' }, relations: { owner: { one: 'Person' } } },
    Group: { hooks: { refer: before } },
  },
}

interface Asked {
  readonly operation: string
  readonly resource: string
  readonly pointers: readonly string[]
  readonly keys: readonly unknown[]
}

async function start(
  t: Test,
  dialect: (typeof DIALECTS)[number],
): Promise<{ api: Api; puppet: Puppet; asked: Asked[] }> {
  const api = await startApi(t, WORLD, { dialect, file: true })
  const puppet = puppetOf(api.runtime.core)
  const asked: Asked[] = []
  puppet.prefix = (ctx) => {
    asked.push({
      operation: ctx.operation,
      resource: ctx.resource,
      pointers: ctx.items.map(({ pointer }) => pointer),
      keys: ctx.items.map(({ key }) => ({ ...key })),
    })
  }
  return { api, puppet, asked }
}

/** Brings in whoever is named, but not those called `nobody`. */
async function bringIn(ctx: PrefixContext): Promise<void> {
  if (ctx.operation !== 'refer') return
  const rows = ctx.items
    .map(({ key }) => ({ ...key }))
    .filter((key) => !Object.values(key).includes('nobody'))
  if (rows.length > 0) await ctx.service(ctx.resource, { identity: 'system' }).write(rows)
}

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    t.test(
      'a foreign key to a row that is not there asks the `refer` hooks, which may bring it in',
      async (t) => {
        const { api, puppet, asked } = await start(t, dialect)
        const write = puppet.prefix
        puppet.prefix = async (ctx) => {
          write(ctx)
          await bringIn(ctx)
        }
        t.match(
          await api.post('/boxes', [
            { name: 'a', owner_name: 'ada', items: [{ name: 'i', owner_name: 'bob' }] },
            { name: 'b', owner_name: 'ada' },
          ]),
          { status: 201, body: [{ owner: { name: 'ada' } }, { owner: { name: 'ada' } }] },
        )
        t.match(asked, [
          {
            operation: 'refer',
            resource: 'Person',
            pointers: ['/0/owner_name', '/0/items/0/owner_name'],
            keys: [{ name: 'ada' }, { name: 'bob' }],
          },
          { operation: 'create', resource: 'Person' },
        ])
        asked.length = 0
        t.match(await api.put('/boxes/1', { owner_name: 'bob' }), { status: 200 })
        t.same(asked, [], 'who is there asks nobody')
        t.match(await api.put('/boxes/1', { owner_name: 'eve' }), {
          status: 200,
          body: { owner: { name: 'eve' } },
        })
        t.match(await api.post('/boxes', { name: 'c', owner_name: 'nobody' }), {
          status: 409,
          body: { code: 'reference_missing', errors: [{ pointer: '/owner_name' }] },
        })
        t.match(await api.post('/editions', { name: 'e', owner_name: 'ann' }), { status: 201 })
        t.match(await api.post('/editions/1_1/release', { owner_name: 'zoe' }), {
          status: 201,
          body: { version: 2, owner: { name: 'zoe' } },
        })
      },
    )

    t.test('so does a group that a list names', async (t) => {
      const { api, puppet, asked } = await start(t, dialect)
      const write = puppet.prefix
      puppet.prefix = async (ctx) => {
        write(ctx)
        await bringIn(ctx)
      }
      const list = (...paths: string[]) => ({ read: { groups: paths.map((path) => ({ path })) } })
      t.match(await api.post('/boxes', { name: 'a', perm_items: list('lab', 'lab__rna') }), {
        status: 201,
        body: { perm_items: { read: { groups: [{ path: 'lab' }, { path: 'lab__rna' }] } } },
      })
      t.match(asked, [
        { operation: 'refer', resource: 'Group', keys: [{ path: 'lab' }, { path: 'lab__rna' }] },
      ])
      t.match(await api.put('/boxes/1', { perm_items: list('lab', 'nobody') }), {
        status: 409,
        body: { code: 'reference_missing', errors: [{ pointer: '/perm_items/read/groups/1/path' }] },
      })
    })

    t.test('what the request makes itself is not missed, and a refused request asks nobody', async (t) => {
      const { api, asked } = await start(t, dialect)
      t.match(
        await api.post('/boxes', { name: 'a', owner_name: 'ada', readers: [{ name: 'ada', title: 'Dr' }] }),
        { status: 201 },
      )
      t.match(asked, [{ operation: 'create', keys: [{ name: 'ada' }] }])
      asked.length = 0
      t.match(await api.put('/boxes/77', { owner_name: 'eve' }), { status: 404 })
      t.match(await api.post('/boxes', { owner_name: 'eve' }), { status: 400 })
      t.same(asked, [])
    })

    t.test('the same row at two depths may be completed at one before the other', async (t) => {
      const { api, puppet } = await start(t, dialect)
      const met: unknown[] = []
      puppet.prefix = (ctx) => {
        for (const { key, data } of ctx.items) {
          met.push(ctx.shared.get(key?.['name']) ?? null)
          ctx.shared.set(key?.['name'], ctx.items.length)
          data['title'] ??= 'Prof'
        }
      }
      const ada = { name: 'ada' }
      const body = { name: 'a', owner: ada, items: [{ name: 'i', owner: ada }] }
      t.match(await api.post('/boxes', body), {
        status: 201,
        body: { owner: { name: 'ada', title: 'Prof' } },
      })
      t.same(met, [null, 1], 'hooks of one write share a map')
      t.match(
        await api.post('/boxes', {
          name: 'b',
          owner: { name: 'bob', title: 'x' },
          items: [{ name: 'i', owner: { name: 'bob', title: 'y' } }],
        }),
        { status: 400, body: { errors: [{ pointer: '/items/0/owner' }] } },
        'what the client says twice must agree',
      )
    })

    t.test('a prefix hook inside of another write takes part in its transaction', async (t) => {
      const { api, puppet } = await start(t, dialect)
      const counts: unknown[] = []
      puppet.prefix = async (ctx) => {
        const rows: unknown[] = await ctx.transaction(({ trx }) => trx('box').select('id'), {
          readonly: true,
        })
        counts.push(rows.length)
      }
      puppet.postfix = async (ctx) => {
        await ctx.service('Person').write({ name: 'made here' })
      }
      const began = performance.now()
      t.match(await api.post('/boxes', { name: 'a' }), { status: 201 })
      t.ok(performance.now() - began < 1_500, 'nobody waits for oneself')
      t.same(counts, [1], 'it sees the row that is not committed yet')
      t.match(await api.get('/persons/made%20here'), { status: 200 })
    })

    t.test('a read-only transaction of a hook may not write', async (t) => {
      const { api, puppet } = await start(t, dialect)
      puppet.prefix = (ctx) =>
        ctx.transaction(({ trx }) => trx('box').insert({ name: 'x' }), { readonly: true })
      t.match(await api.post('/persons', { name: 'ada' }), { status: /^50/ })
      t.match(await api.get('/boxes'), { body: [] })
    })
  })
}
