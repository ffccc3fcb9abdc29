import t from 'tap'
import { DIALECTS } from '../helpers/databases.js'
import { historyOf, LIBRARY, serveWorld } from '../helpers/worlds.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    t.test('PUT and PATCH change the given fields and leave the others', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      await api.post('/projects', { name: 'a', code: 'c' })
      for (const method of ['PUT', 'PATCH']) {
        const { status, body } = await api.request({ method, path: '/projects/1', body: { name: method } })
        t.equal(status, 200)
        t.match(body, { id: 1, name: method, code: 'c' })
      }
      t.match((await api.put('/projects/1', { code: null })).body, { name: 'PATCH', code: null })
      t.match((await api.put('/projects/1', { id: 1, name: 'same key' })).body, { name: 'same key' })
    })

    t.test('nested objects are written with it, never removed', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      await api.post('/datasets', {
        name: 'd',
        project: { name: 'p' },
        files: [{ filename: 'a' }, { filename: 'b' }],
        tags: [{ name: 'x' }],
      })
      const { body } = await api.put('/datasets/1', {
        project: { name: 'other' },
        contact: { username: 'ada' },
        files: [{ id: 1, size: 5 }, { filename: 'c' }],
        tags: [{ name: 'y' }],
      })
      t.match(body, {
        name: 'd',
        project: { id: 2, name: 'other' },
        contact: { username: 'ada' },
        files: [
          { id: 1, filename: 'a', size: 5 },
          { id: 2, filename: 'b' },
          { id: 3, filename: 'c' },
        ],
        tags: [{ name: 'x' }, { name: 'y' }],
      })
    })

    t.test('null unlinks, a to-one as well as an inverse one', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      await api.post('/datasets', {
        name: 'd',
        project: { name: 'p' },
        contact: { username: 'ada' },
        note: { text: 'n' },
      })
      const { body } = await api.put('/datasets/1', { contact: null, note: null })
      t.match(body, { contact: null, contact_username: null, note: null })
      t.match((await api.get('/notes/1')).body, { text: 'n', dataset_id: null })
      t.match((await api.get('/persons/ada')).status, 200)
      await api.put('/notes/1', { dataset_id: 1 })
      t.match((await api.put('/datasets/1', { note: { id: 1, text: 'again' } })).body, {
        note: { text: 'again' },
      })
      t.match(await api.put('/datasets/1', { note: { text: 'second' } }), {
        status: 409,
        body: { code: 'unique_violation' },
      })
    })

    t.test('children move by their foreign key or by the array that holds them', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      await api.post('/projects', {
        name: 'p',
        datasets: [{ name: 'a', files: [{ filename: 'f' }] }, { name: 'b' }],
      })
      t.match((await api.put('/files/1', { dataset_id: 2 })).body, { dataset: { name: 'b' } })
      await api.put('/datasets/1', { files: [{ id: 1 }] })
      t.match((await api.get('/files/1')).body, { dataset: { name: 'a' } })
    })

    const refusals: [
      title: string,
      path: string,
      body: unknown,
      status: number,
      code: string,
      pointer?: string,
    ][] = [
      ['an absent row', '/datasets/9', { name: 'x' }, 404, 'not_found'],
      ['an absent row and a bad body', '/datasets/9', { nmae: 'x' }, 404, 'not_found'],
      ['a bad body', '/datasets/1', { nmae: 'x' }, 400, 'invalid_body', '/nmae'],
      ['another key', '/datasets/1', { id: 2 }, 400, 'invalid_body', '/id'],
      ['nothing', '/datasets/1', {}, 400, 'empty_body'],
      ['a null for a required field', '/datasets/1', { name: null }, 400, 'invalid_body', '/name'],
      ['a null for a required relation', '/datasets/1', { project: null }, 400, 'invalid_body', '/project'],
      [
        'a read-only field',
        '/datasets/1',
        { created_at: '2024-01-01T00:00:00Z' },
        400,
        'invalid_body',
        '/created_at',
      ],
      ['a reference to nothing', '/datasets/1', { project: { id: 8 } }, 409, 'reference_missing', '/project'],
      ['a key of nothing', '/datasets/1', { project_id: 8 }, 409, 'reference_missing'],
      [
        'a missing field of a child',
        '/datasets/1',
        { files: [{ size: 1 }] },
        400,
        'missing_fields',
        '/files/0',
      ],
      [
        'a child that is not there',
        '/datasets/1',
        { files: [{ id: 5, size: 1 }] },
        409,
        'reference_missing',
        '/files/0',
      ],
      ['a text where a number belongs', '/datasets/1', { size: '12' }, 400, 'invalid_body', '/size'],
      ['a number with too many digits', '/datasets/1', { price: '1.234' }, 400, 'invalid_body', '/price'],
      ['a value of no enum', '/datasets/1', { status: 'x' }, 400, 'invalid_body', '/status'],
      [
        'a datetime without an offset',
        '/datasets/1',
        { taken: '2024-01-01T00:00:00' },
        400,
        'invalid_body',
        '/taken',
      ],
    ]
    t.test('what cannot be is refused and changes nothing', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      await api.post('/datasets', { name: 'd', project: { name: 'p' } })
      const before = (await api.get('/datasets/1')).body
      for (const [title, path, body, status, code, pointer] of refusals) {
        const answer = await api.put(path, body)
        t.match(answer, { status, body: { code } }, title)
        if (pointer !== undefined) t.equal(answer.body.errors[0].pointer, pointer, title)
      }
      t.same((await api.get('/datasets/1')).body, before)
      t.equal((await historyOf(app)).length, 1)
    })
  })
}
