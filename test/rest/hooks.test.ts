import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Recorder, recorderOf } from '../fixtures/recorder.js'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS, type Teardown } from '../helpers/databases.js'

const RECORDER = fileURLToPath(new URL('../fixtures/recorder.ts', import.meta.url))

type Hooks = Readonly<Record<string, unknown>>

const world = (hooks: { Box?: Hooks; Item?: Hooks; Tag?: Hooks }, server: Hooks = {}) => ({
  name: 'hooks',
  server,
  plugins: { [RECORDER]: {} },
  resources: {
    Box: {
      path: 'boxes',
      columns: { name: 'string(50)!' },
      relations: { items: { many: 'Item' }, tags: { many: 'Tag', through: 'box_tag' } },
      hooks: hooks.Box ?? {},
    },
    Item: {
      columns: { name: 'string(50)!' },
      relations: { box: { one: 'Box', required: true, on_delete: 'cascade', embed: false } },
      hooks: hooks.Item ?? {},
    },
    Tag: { columns: { name: { type: 'string(50)', primary: true } }, hooks: hooks.Tag ?? {} },
  },
})

const BOTH = { prefix: ['recorder.before'], postfix: ['recorder.after'] }

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const start = async (
      t: Teardown,
      hooks: Parameters<typeof world>[0],
      server: Hooks = {},
    ): Promise<{ api: Api; recorder: Recorder }> => {
      const api = await startApi(t, world(hooks, server), { dialect })
      return { api, recorder: recorderOf(api.runtime.core) }
    }

    t.test('a tree calls each hook once per resource and level, parents first', async (t) => {
      const { api, recorder } = await start(t, {
        Box: { write: BOTH },
        Item: { write: BOTH },
        Tag: { write: BOTH },
      })
      const items = Array.from({ length: 5 }, (_, n) => ({ name: `i${n}` }))
      const answer = await api.post('/boxes', { name: 'b', items, tags: [{ name: 'x' }, { name: 'y' }] })
      t.equal(answer.status, 201)
      t.same(
        recorder.calls.map(({ stage, resource, data }) => `${stage} ${resource} ${data.length}`).sort(),
        ['postfix Box 1', 'postfix Item 5', 'postfix Tag 2', 'prefix Box 1', 'prefix Item 5', 'prefix Tag 2'],
      )
      t.equal(recorder.calls[0]?.resource, 'Box')
      t.same(recorder.effects.sort(), ['commit Box', 'commit Item', 'commit Tag'])
    })

    t.test('a prefix hook changes what is written, nested or not', async (t) => {
      const { api } = await start(t, { Item: { write: { prefix: ['recorder.upper'] } } })
      const { body } = await api.post('/boxes', { name: 'b', items: [{ name: 'deep' }] })
      t.match(body, { name: 'b', items: [{ name: 'DEEP' }] })
    })

    t.test('write hooks follow updates, with the stored row', async (t) => {
      const { api, recorder } = await start(t, { Tag: {}, Box: { write: BOTH } })
      await api.post('/boxes', { name: 'b' })
      recorder.calls.length = 0
      await api.put('/boxes/1', { name: 'c' })
      t.match(recorder.calls, [
        { stage: 'prefix', operation: 'update', data: [{ name: 'c' }], rows: [{ id: 1, name: 'b' }] },
        { stage: 'postfix', operation: 'update', data: [{ name: 'c' }], rows: [{ id: 1, name: 'c' }] },
      ])
    })

    t.test('a cascade runs the children’s delete hooks', async (t) => {
      const { api, recorder } = await start(t, { Item: { delete: BOTH } })
      await api.post('/boxes', { name: 'b', items: [{ name: 'i1' }, { name: 'i2' }] })
      t.equal((await api.delete('/boxes/1')).status, 204)
      t.match(recorder.calls, [
        { stage: 'prefix', operation: 'delete', rows: [{ name: 'i1' }, { name: 'i2' }] },
        { stage: 'postfix', operation: 'delete', rows: [{ name: 'i1' }, { name: 'i2' }] },
      ])
    })

    t.test('what is deleted comes to its hooks in the order of the keys', async (t) => {
      const api = await startApi(
        t,
        {
          name: 'order',
          plugins: { [RECORDER]: {} },
          resources: {
            Box: {
              path: 'boxes',
              relations: { items: { many: 'Item', via: 'box' }, spare: { many: 'Item', via: 'other' } },
            },
            Item: {
              columns: { name: { type: 'string(9)', primary: true }, note: 'text' },
              relations: {
                box: { one: 'Box', on_delete: 'cascade' },
                other: { one: 'Box', on_delete: 'cascade' },
              },
              hooks: { delete: BOTH },
            },
          },
        },
        { dialect },
      )
      const sorted = ['10', '9', 'B', 'a', 'b', 'é', '\ue000', '💾']
      const items = [6, 2, 5, 0, 7, 4].map((n) => ({ name: sorted[n] }))
      await api.post('/boxes', { items, spare: [{ name: sorted[3] }, { name: sorted[1] }] })
      // PostgreSQL puts a changed row behind the others.
      await api.put('/items/10', { note: 'moved' })
      const recorder = recorderOf(api.runtime.core)
      recorder.calls.length = 0
      t.equal((await api.delete('/boxes/1')).status, 204)
      for (const stage of ['prefix', 'postfix']) {
        const names = recorder.calls.filter((call) => call.stage === stage).map(({ rows }) => rows)
        t.match(names, [sorted.map((name) => ({ name }))], stage)
      }
    })

    t.test('what throws after the rows undoes everything, effects last in, first out', async (t) => {
      const { api, recorder } = await start(t, {
        Box: { write: { prefix: ['recorder.before'], postfix: ['recorder.after', 'recorder.fail'] } },
      })
      const answer = await api.post('/boxes', { name: 'b' })
      t.equal(answer.status, 500)
      t.notMatch(JSON.stringify(answer.body), /own fault/)
      t.same(recorder.effects, ['undo postfix Box', 'undo prefix Box'])
      t.same((await api.get('/boxes')).body, [])
    })

    t.test('a refusal answers as the error table says', async (t) => {
      const refuse = { use: 'recorder.misbehave', with: { do: 'refuse' } }
      const { api } = await start(t, { Box: { write: { prefix: [refuse] } } })
      t.match(await api.post('/boxes', { name: 'b' }), {
        status: 409,
        body: { code: 'conflict', detail: 'Not on a Sunday.' },
      })
    })

    for (const misdeed of ['throw', 'stray', 'rekey', 'floating', 'mistyped', 'nothing']) {
      t.test(`a hook that misbehaves (${misdeed}) is a 500, and nothing is written`, async (t) => {
        const bad = { use: 'recorder.misbehave', with: { do: misdeed } }
        const { api } = await start(t, { Box: { update: { prefix: [bad] } } })
        await api.post('/boxes', { name: 'b' })
        t.match(await api.put('/boxes/1', { id: 1, name: 'c' }), { status: 500, body: { code: 'internal' } })
        t.match((await api.get('/boxes')).body, [{ id: 1, name: 'b' }])
        t.equal((await api.get('/live')).status, 200)
      })
    }

    t.test('a hook that hangs is a 504 after server.timeout', async (t) => {
      const hang = { use: 'recorder.misbehave', with: { do: 'hang' } }
      const { api } = await start(t, { Box: { write: { prefix: [hang] } } }, { timeout: '1s' })
      t.match(await api.post('/boxes', { name: 'b' }), { status: 504, body: { code: 'timeout' } })
      t.equal((await api.post('/tags', { name: 'x' })).status, 201)
    })

    t.test('a statement after the end of the transaction is refused', async (t) => {
      const { api, recorder } = await start(t, { Box: { write: { postfix: ['recorder.forget'] } } })
      t.equal((await api.post('/boxes', { name: 'b' })).status, 201)
      await new Promise((resolve) => setTimeout(resolve, 200))
      t.match(recorder.effects, [/late statement refused/])
    })

    t.test('a postfix hook writes through models and services in the same transaction', async (t) => {
      const { api } = await start(t, { Box: { write: { postfix: ['recorder.through'] } } })
      t.match((await api.post('/boxes', { name: 'b' })).body, { items: [{ name: 'of b' }] })
      t.match((await api.get('/tags')).body, [{ name: 'tag-1' }])
    })

    t.test('what it wrote goes when a later hook throws', async (t) => {
      const { api } = await start(t, { Box: { write: { postfix: ['recorder.through', 'recorder.fail'] } } })
      t.equal((await api.post('/boxes', { name: 'b' })).status, 500)
      t.same((await api.get('/tags')).body, [])
      t.same((await api.get('/items')).body, [])
    })

    t.test('a job runs after the commit, and never for what was rolled back', async (t) => {
      const { api, recorder } = await start(t, { Box: { write: { postfix: ['recorder.queue'] } } })
      await api.post('/boxes', [{ name: 'a' }, { name: 'b' }])
      for (let n = 0; n < 200 && recorder.jobs.length < 2; n++)
        await new Promise((resolve) => setTimeout(resolve, 25))
      t.same((recorder.jobs as { id: number }[]).map(({ id }) => id).sort(), [1, 2])
    })

    t.test('read and list hooks change what is sent, and only that', async (t) => {
      const shout = { postfix: ['recorder.shout'] }
      const { api } = await start(t, { Tag: { read: shout, list: shout } })
      t.match((await api.post('/tags', { name: 'x' })).body, { name: 'x!' })
      t.match((await api.get('/tags/x')).body, { name: 'x!' })
      t.match((await api.get('/tags?fields=name&sort=name')).body, [{ name: 'x!' }])
      t.equal((await api.get('/tags/x!')).status, 404)
    })
  })
}

t.test('plugins are closed with their runtime, each once, and runtimes share nothing', async (t) => {
  const one = await startApi(t, world({ Box: { write: BOTH } }))
  const two = await startApi(t, world({ Box: { write: BOTH } }))
  await one.post('/boxes', { name: 'b' })
  t.equal(recorderOf(one.runtime.core).calls.length, 2)
  t.equal(recorderOf(two.runtime.core).calls.length, 0)
  const recorder = recorderOf(one.runtime.core)
  await one.runtime.close()
  await one.runtime.close()
  t.equal(recorder.closed, true)
  t.match((await two.get('/boxes')).body, [])
})
