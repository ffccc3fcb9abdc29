import t from 'tap'
import { DIALECTS } from '../helpers/databases.js'
import { historyOf, LIBRARY, serveWorld } from '../helpers/worlds.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    t.test('a row goes with its links and what cascades from it; other rows are unlinked', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as({ username: 'ada' })
      await api.post('/datasets', {
        name: 'd',
        project: { name: 'p' },
        tags: [{ name: 'x' }],
        files: [{ filename: 'a', parts: [{ number: 1 }, { number: 2 }] }],
        note: { text: 'n' },
      })
      const gone = await api.delete('/datasets/1')
      t.match(gone, { status: 204, body: undefined })
      t.equal((await api.get('/datasets/1')).status, 404)
      t.same((await api.get('/files')).body, [])
      t.same((await api.get('/parts')).body, [])
      t.match((await api.get('/tags/x')).body, { datasets: [] })
      t.match((await api.get('/notes/1')).body, { text: 'n', dataset_id: null })
      t.match((await historyOf(app))[1], {
        username: 'ada',
        method: 'DELETE',
        path: '/datasets/1',
        resource: 'Dataset',
        key: '1',
        body: null,
      })
    })

    t.test('a row that is still referred to stays', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      await api.post('/projects', { name: 'p', datasets: [{ name: 'd' }] })
      t.match(await api.delete('/projects/1'), { status: 409, body: { code: 'still_referenced' } })
      t.equal((await api.get('/datasets/1')).status, 200)
    })

    t.test('an absent row is 404, a key of the wrong form 400', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      t.match(await api.delete('/projects/1'), { status: 404, body: { code: 'not_found' } })
      t.match(await api.delete('/projects/x'), { status: 400, body: { code: 'invalid_id' } })
    })

    t.test('what points at the same as a row that goes keeps its reference', async (t) => {
      const api = (
        await serveWorld(t, dialect, {
          resources: {
            Box: {
              columns: { name: 'string!' },
              relations: { shelf: { one: 'Shelf', on_delete: 'cascade' } },
            },
            Shelf: {
              columns: { name: 'string!' },
              relations: { owner: { one: 'Box', on_delete: 'cascade' } },
            },
          },
        })
      ).as(null)
      await api.post('/shelfs', [{ name: 'stays' }])
      await api.post('/boxs', [
        { name: 'goes', shelf_id: 1 },
        { name: 'stays', shelf_id: 1 },
      ])
      await api.post('/shelfs', { name: 'goes too', owner_id: 1 })
      t.equal((await api.delete('/boxs/1')).status, 204)
      t.match((await api.get('/boxs')).body, [{ id: 2, shelf_id: 1 }])
      t.match((await api.get('/shelfs')).body, [{ id: 1, name: 'stays' }])
    })

    t.test('rows of one table that point at each other go together', async (t) => {
      const api = (
        await serveWorld(t, dialect, {
          resources: {
            Node: {
              columns: { name: 'string!' },
              relations: {
                parent: { one: 'Node', on_delete: 'cascade' },
                children: { many: 'Node' },
              },
            },
          },
        })
      ).as(null)
      await api.post('/nodes', {
        name: 'a',
        children: [{ name: 'b', children: [{ name: 'c' }] }, { name: 'd' }],
      })
      t.equal((await api.delete('/nodes/1')).status, 204)
      t.same((await api.get('/nodes')).body, [])
    })

    t.test('tables that point at each other in a circle can be emptied', async (t) => {
      const api = (
        await serveWorld(t, dialect, {
          resources: {
            Album: {
              columns: { name: 'string!' },
              relations: { cover: { one: 'Picture' }, pictures: { many: 'Picture', via: 'album' } },
            },
            Picture: {
              columns: { name: 'string!' },
              relations: { album: { one: 'Album', on_delete: 'cascade' } },
            },
          },
        })
      ).as(null)
      await api.post('/albums', { name: 'a', pictures: [{ name: 'x' }] })
      t.equal((await api.put('/albums/1', { cover: { id: 1 } })).status, 200)
      t.match(await api.delete('/pictures/1'), { status: 409, body: { code: 'still_referenced' } })
      t.equal((await api.delete('/albums/1')).status, 204)
      t.same((await api.get('/pictures')).body, [])
    })

    t.test('whichever side of a circle requires the other', async (t) => {
      for (const required of ['House', 'Owner']) {
        const world = {
          name: 'circles',
          resources: {
            House: {
              columns: { name: 'string!' },
              relations: { owner: { one: 'Owner', on_delete: 'cascade', required: required === 'House' } },
            },
            Owner: {
              columns: { name: 'string!' },
              relations: { home: { one: 'House', on_delete: 'cascade', required: required === 'Owner' } },
            },
          },
        }
        const api = (await serveWorld(t, dialect, world)).as(null)
        const [first, second, link] =
          required === 'House'
            ? ([
                ['/owners', { name: 'o' }],
                ['/houses', { name: 'h', owner_id: 1 }],
                ['/owners/1', { home_id: 1 }],
              ] as const)
            : ([
                ['/houses', { name: 'h' }],
                ['/owners', { name: 'o', home_id: 1 }],
                ['/houses/1', { owner_id: 1 }],
              ] as const)
        t.equal((await api.post(first[0], first[1])).status, 201)
        t.equal((await api.post(second[0], second[1])).status, 201)
        t.equal((await api.put(link[0], link[1])).status, 200)
        t.equal((await api.delete('/houses/1')).status, 204, `${required} requires the other`)
        t.same((await api.get('/owners')).body, [])
      }
    })

    t.test('deleting the newest version makes the one before it the latest', async (t) => {
      const app = await serveWorld(t, dialect, {
        resources: { Study: { versioned: true, columns: { name: 'string!' } } },
      })
      const api = app.as(null)
      t.match((await api.post('/studys', { name: 's' })).body, { id: 1, version: 1, is_latest: true })
      for (const [method, path, body] of [
        ['POST', '/studys', { id: 1, version: 2, name: 'x' }],
        ['POST', '/studys', { id: 5, version: 2, name: 'x' }],
      ] as const) {
        t.match(await api.request({ method, path, body }), { status: 400, body: { code: 'invalid_body' } })
      }
      t.match(await api.post('/studys', { id: 1, name: 'again' }), {
        status: 409,
        body: { code: 'unique_violation' },
      })
      t.match((await api.post('/studys', { id: 7, version: 1, name: 'x' })).body, { id: 7, version: 1 })
      t.match((await api.post('/studys', { name: 'next' })).body, { id: 8, version: 1 })
      t.equal((await api.delete('/studys/1_1')).status, 204)
      t.match(await api.post('/studys', { id: 1, version: 1, name: 'x' }), { status: 400 })
    })
  })
}
