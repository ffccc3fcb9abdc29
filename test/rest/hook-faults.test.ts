import { fileURLToPath } from 'node:url'
import { BiodmError, type PostfixContext, type PrefixContext, type RouteResult } from 'biodm'
import t, { type Test } from 'tap'
import { type Puppet, puppetOf } from '../fixtures/puppet.js'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS, type Teardown } from '../helpers/databases.js'

const PUPPET = fileURLToPath(new URL('../fixtures/puppet.ts', import.meta.url))
const BOTH = { prefix: ['puppet.before'], postfix: ['puppet.after'] }

const WORLD = {
  name: 'faults',
  server: { timeout: '2s' },
  plugins: { [PUPPET]: {} },
  resources: {
    Box: {
      path: 'boxes',
      columns: { name: 'string(50)!', size: 'integer', notes: 'json' },
      relations: { items: { many: 'Item' } },
      hooks: { write: BOTH },
    },
    Item: {
      columns: { name: 'string(50)!' },
      relations: { box: { one: 'Box', required: true, on_delete: 'cascade', embed: false } },
    },
    Note: {
      columns: { text: 'text' },
      hooks: { read: { postfix: ['puppet.after'] }, list: { postfix: ['puppet.after'] } },
    },
    Tag: { columns: { name: { type: 'string', primary: true } } },
  },
}

/** What a prefix hook leaves behind on `PUT /boxes/1 {"name":"new"}`. */
const LEAVES: readonly [string, (data: Record<string, unknown>) => void][] = [
  ['an unknown column', (data) => Object.assign(data, { colour: 1 })],
  ['another key', (data) => Object.assign(data, { id: 7 })],
  ['a wrong type', (data) => Object.assign(data, { size: 'big' })],
  ['no number', (data) => Object.assign(data, { size: Number.NaN })],
  ['a NUL', (data) => Object.assign(data, { name: 'a\0' })],
  ['half of a surrogate pair', (data) => Object.assign(data, { name: 'a\ud800' })],
  ['a NUL inside JSON', (data) => Object.assign(data, { notes: { deep: ['\\\0'] } })],
  ['a circle', (data) => Object.assign(data, { notes: data })],
  ['a promise', (data) => Object.assign(data, { size: Promise.resolve(1) })],
  ['an object for an array', (data) => Object.assign(data, { items: { name: 'x' } })],
  ['a child with an unknown column', (data) => Object.assign(data, { items: [{ name: 'x', colour: 1 }] })],
  ['a child with a wrong type', (data) => Object.assign(data, { items: [{ name: 5 }] })],
  [
    'what cannot be read',
    (data) =>
      Object.defineProperty(data, 'size', {
        enumerable: true,
        get: () => {
          throw new Error('no')
        },
      }),
  ],
]

const PREFIXES: readonly [string, (ctx: PrefixContext) => unknown][] = [
  ['throws null', () => Promise.reject(null)],
  ['throws an object with a code', () => Promise.reject({ code: 'forbidden', status: 403 })],
  ['names an unknown code', () => new BiodmError('teapot' as never)],
  ['adds items', (ctx) => (ctx.items as unknown[]).push({ data: {} })],
  ['enqueues too early', (ctx) => (ctx as unknown as PostfixContext).enqueue('puppet.work', 1)],
  [
    'answers with a header that is none',
    () => Promise.reject(new BiodmError('conflict', 'x', { headers: { 'X-A': 'b\r\nc: d' } })),
  ],
]

const POSTFIXES: readonly [string, (ctx: PostfixContext) => unknown][] = [
  ['commits', (ctx) => (ctx.trx.raw as (text: string) => Promise<unknown>)('COMMIT')],
  ['rolls back', (ctx) => (ctx.trx.raw as (text: string) => Promise<unknown>)(' rollback')],
  ['enqueues an unknown job', (ctx) => ctx.enqueue('puppet.play', 1)],
  ['enqueues what is no JSON', (ctx) => ctx.enqueue('puppet.work', () => 1)],
]

const ROUTES: readonly [string, unknown][] = [
  ['nothing', undefined],
  ['a status of its own', { status: 1000 }],
  ['a circle', { status: 200, body: [] as unknown[] }],
  ['a header that is none', { status: 200, headers: { 'X-A': 'b\r\nc: d' }, body: 'x' }],
]
const circle = ROUTES[2]?.[1] as { body: unknown[] }
circle.body.push(circle.body)

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const start = async (t: Teardown): Promise<{ api: Api; puppet: Puppet }> => {
      const api = await startApi(t, WORLD, { dialect })
      await api.post('/boxes', { name: 'old' })
      await api.post('/notes', { text: 'n' })
      return { api, puppet: puppetOf(api.runtime.core) }
    }
    const untouched = async (t: Test, api: Api): Promise<void> => {
      t.match((await api.get('/boxes')).body, [{ id: 1, name: 'old', items: [] }])
      t.equal((await api.get('/boxes')).body.length, 1)
    }

    t.test('what a prefix hook must not leave behind is a 500, and nothing is written', async (t) => {
      const { api, puppet } = await start(t)
      for (const [title, leave] of LEAVES) {
        puppet.prefix = (ctx) => leave(ctx.items[0]?.data ?? {})
        t.match(
          await api.put('/boxes/1', { name: 'new' }),
          { status: 500, body: { code: 'internal' } },
          title,
        )
      }
      await untouched(t, api)
    })

    t.test('a prefix hook may write out the key of the path', async (t) => {
      const { api, puppet } = await start(t)
      puppet.prefix = (ctx) => Object.assign(ctx.items[0]?.data ?? {}, { id: 1 })
      t.match(await api.put('/boxes/1', { name: 'new' }), { status: 200, body: { id: 1, name: 'new' } })
    })

    t.test('hooks that misbehave otherwise are a 500 too', async (t) => {
      const { api, puppet } = await start(t)
      for (const [title, act] of PREFIXES) {
        puppet.prefix = async (ctx) => {
          const made = await act(ctx)
          if (made instanceof Error) throw made
        }
        t.match(await api.put('/boxes/1', { name: 'new' }), { status: 500 }, title)
      }
      puppet.prefix = () => undefined
      for (const [title, act] of POSTFIXES) {
        puppet.postfix = act
        t.match(await api.put('/boxes/1', { name: 'new' }), { status: 500 }, title)
      }
      await untouched(t, api)
    })

    t.test('an error may carry what is no JSON: the sentence is sent', async (t) => {
      const { api, puppet } = await start(t)
      const errors: unknown[] = []
      errors.push(errors)
      const options = {
        errors: errors as never,
        headers: { 'content-type': 'text/html', 'content-length': '2' },
      }
      puppet.prefix = () => Promise.reject(new BiodmError('conflict', 'Not today.', options))
      const answer = await api.put('/boxes/1', { name: 'new' })
      t.match(answer, { status: 409, body: { code: 'conflict', detail: 'Not today.' } })
      t.equal(answer.headers['content-type'], 'application/problem+json')
    })

    t.test('hooks of reads write nothing, jobs neither', async (t) => {
      const { api, puppet } = await start(t)
      const writes: readonly ((ctx: PostfixContext) => unknown)[] = [
        (ctx) => ctx.models['Note']?.query().findById(1).patch({ text: 'changed' }),
        (ctx) => ctx.service('Tag').write({ name: 'x' }),
        (ctx) => ctx.service('Note').delete(1),
        (ctx) => ctx.enqueue('puppet.work', 1),
        (ctx) => Object.assign(ctx.items[0] ?? {}, { row: {} }),
        (ctx) => Object.assign(ctx.items[0]?.row ?? {}, { text: 1n }),
      ]
      for (const write of writes) {
        puppet.postfix = async (ctx) => await write(ctx)
        t.match(await api.get('/notes/1'), { status: 500, body: { code: 'internal' } }, String(write))
      }
      puppet.postfix = () => undefined
      t.match((await api.get('/notes/1')).body, { text: 'n' })
      t.same((await api.get('/tags')).body, [])
    })

    t.test('effects use services in transactions of their own', async (t) => {
      const { api, puppet } = await start(t)
      puppet.postfix = (ctx) => {
        ctx.afterCommit(() => ctx.service('Tag').write({ name: `${ctx.operation} committed` }))
        ctx.onRollback(() => ctx.service('Tag').write({ name: 'rolled back' }))
        if (ctx.items[0]?.row['name'] === 'bad') throw new Error('no')
      }
      t.equal((await api.put('/boxes/1', { name: 'good' })).status, 200)
      t.equal((await api.put('/boxes/1', { name: 'bad' })).status, 500)
      t.equal((await api.get('/notes/1')).status, 200)
      t.same(
        (await api.get('/tags')).body.map(({ name }: { name: string }) => name),
        ['read committed', 'rolled back', 'update committed'],
      )
    })

    t.test('a route that returns nonsense is a 500, and the next request is served', async (t) => {
      const { api, puppet } = await start(t)
      for (const [title, result] of ROUTES) {
        puppet.route = () => result as RouteResult
        t.match(await api.get('/puppet'), { status: 500, body: { code: 'internal' } }, title)
      }
      t.equal((await api.get('/live')).status, 200)
    })
  })
}
