import t from 'tap'
import { DIALECTS } from '../helpers/databases.js'
import { historyOf, LIBRARY, serveWorld } from '../helpers/worlds.js'

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    t.test('a single object is answered as GET shows it, with its place', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      const made = await api.post('/projects', { name: 'a' })
      t.equal(made.status, 201)
      t.equal(made.headers['location'], '/projects/1')
      t.same(made.body, (await api.get('/projects/1')).body)
      t.match(made.body, { id: 1, name: 'a', code: null, datasets: [] })
      const tag = await api.post('/tags', { name: 'a b/c' })
      t.equal(tag.headers['location'], '/tags/a%20b%2Fc')
    })

    t.test('values come back as they were given, in canonical form', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      const { body } = await api.post('/datasets', {
        name: 'émoji 🐧 "quoted" \\ back',
        size: 9007199254740991,
        price: '0012.5',
        extra: { b: [1, 2.5, null], a: 'x' },
        taken: '2024-02-29T23:30:00.123987+02:00',
        project: { name: 'p' },
      })
      t.match(body, {
        name: 'émoji 🐧 "quoted" \\ back',
        size: 9007199254740991,
        price: '12.50',
        extra: { b: [1, 2.5, null], a: 'x' },
        taken: '2024-02-29T21:30:00.123Z',
        status: 'draft',
        open: true,
        created_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
        project: { id: 1, name: 'p' },
        contact: null,
      })
    })

    t.test('a default is for what is not given; an explicit null stays null', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      const { body } = await api.post('/datasets', {
        name: 'd',
        status: null,
        open: null,
        project: { name: 'p' },
      })
      t.match(body, { status: null, open: null })
    })

    t.test('an array is answered as an array in its order, all or nothing', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      const made = await api.post('/projects', [{ name: 'a' }, { name: 'b' }, { name: 'c' }])
      t.equal(made.status, 201)
      t.equal(made.headers['location'], undefined)
      t.same(
        made.body.map((row: { id: number; name: string }) => [row.id, row.name]),
        [
          [1, 'a'],
          [2, 'b'],
          [3, 'c'],
        ],
      )
      const failed = await api.post('/projects', [
        { name: 'd', code: 'x' },
        { name: 'e', code: 'x' },
      ])
      t.match(failed, { status: 409, body: { code: 'unique_violation' } })
      t.equal((await api.get('/projects')).body.length, 3)
    })

    t.test('a tree is created with its relations of every kind', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      await api.post('/tags', { name: 'known', colour: 'red' })
      const made = await api.post('/datasets', {
        name: 'd',
        project: { name: 'p' },
        contact: { username: 'ada', email: 'ada@example.org' },
        tags: [{ name: 'known' }, { name: 'new' }],
        files: [
          { filename: 'a', parts: [{ number: 1 }, { number: 2 }] },
          { filename: 'b', parts: [{ number: 1 }] },
        ],
        note: { text: 'n' },
      })
      t.equal(made.status, 201)
      t.match(made.body, {
        project: { name: 'p' },
        contact: { username: 'ada' },
        tags: [
          { name: 'known', colour: 'red' },
          { name: 'new', colour: null },
        ],
        files: [{ filename: 'a' }, { filename: 'b' }],
        note: { text: 'n' },
      })
      const parts = (await api.get('/parts?fields=number,file.filename&sort=id')).body
      t.same(
        parts.map((part: { number: number; file: { filename: string } }) => [
          part.file.filename,
          part.number,
        ]),
        [
          ['a', 1],
          ['a', 2],
          ['b', 1],
        ],
      )
    })

    t.test('with its whole key an object is created, updated or merely referred to', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      t.equal((await api.post('/projects', { id: 40, name: 'forty' })).status, 201)
      t.match((await api.post('/projects', { id: 40, name: 'changed' })).body, { id: 40, name: 'changed' })
      t.match((await api.post('/projects', { id: 40, code: 'c' })).body, {
        id: 40,
        name: 'changed',
        code: 'c',
      })
      t.match((await api.post('/projects', { id: 40 })).body, { id: 40, name: 'changed', code: 'c' })
      t.match((await api.post('/projects', { name: 'next' })).body, { id: 41 })
      t.match(await api.post('/projects', { id: 7 }), { status: 409, body: { code: 'reference_missing' } })
      t.match(await api.post('/projects', { id: 7, code: 'x' }), { status: 409 })
      const bad = await api.post('/datasets', { name: 'd', project: { id: 7 } })
      t.match(bad, { status: 409, body: { code: 'reference_missing', errors: [{ pointer: '/project' }] } })
      t.match(await api.post('/datasets', { name: 'd', project_id: 7 }), {
        status: 409,
        body: { code: 'reference_missing' },
      })
      t.match((await api.post('/datasets', { name: 'd', project_id: 40 })).body, { project: { id: 40 } })
    })

    t.test('serial keys given by clients move the generation behind them', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      await api.post('/projects', [{ id: 3, name: 'c' }, { name: 'x' }, { id: 5, name: 'e' }])
      await api.post('/projects', { id: 2_000_000, name: 'far' })
      t.match((await api.post('/projects', { name: 'next' })).body, { id: 2_000_001 })
      await api.post('/projects', { id: 10, name: 'low' })
      t.match((await api.post('/projects', { name: 'next' })).body, { id: 2_000_002 })
      await api.post('/projects', { id: 2_147_483_647, name: 'last' })
      t.match((await api.post('/projects', { name: 'next' })).body, { id: 2_000_003 })
    })

    t.test('one row named at several places is written once', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      const { status } = await api.post('/projects', {
        name: 'p',
        datasets: [
          { name: 'a', tags: [{ name: 'x', colour: 'red' }], contact: { username: 'ada' } },
          { name: 'b', tags: [{ name: 'x' }], contact: { username: 'ada', email: 'a@b' } },
        ],
      })
      t.equal(status, 201)
      t.match((await api.get('/tags/x')).body, { colour: 'red', datasets: [{ name: 'a' }, { name: 'b' }] })
      t.match((await api.get('/persons/ada')).body, { email: 'a@b' })
    })

    t.test('what the request writes is in history, once for each object of the body', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const ada = app.as({ username: 'ada' })
      await ada.post('/projects', { name: 'a', datasets: [{ name: 'd' }] })
      await ada.post('/projects', { name: 7 })
      t.match(await historyOf(app), [
        {
          username: 'ada',
          method: 'POST',
          path: '/projects',
          resource: 'Project',
          key: '1',
          body: { name: 'a', datasets: [{ name: 'd' }] },
        },
      ])
      t.equal((await historyOf(app)).length, 1)
    })

    t.test('ten thousand rows go in one request', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      const rows = Array.from({ length: 9_999 }, (_, index) => ({ name: `d${index}` }))
      const made = await api.post('/projects', { name: 'p', datasets: rows })
      t.equal(made.status, 201)
      t.equal((await api.get('/datasets?count=true&end=1')).headers['x-total-count'], '9999')
      const over = await api.post('/projects', { name: 'p', datasets: [...rows, { name: 'x' }] })
      t.match(over, { status: 400, body: { code: 'invalid_body' } })
    })
  })
}
