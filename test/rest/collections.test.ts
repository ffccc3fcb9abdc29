import t from 'tap'
import { DIALECTS } from '../helpers/databases.js'
import { LIBRARY, serveWorld } from '../helpers/worlds.js'

interface Named {
  readonly name: string
  readonly filename: string
}
const namesOf = (rows: readonly Named[]): string[] => rows.map((row) => row.name ?? row.filename).sort()

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const world = async (t: Parameters<typeof serveWorld>[0]) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      await api.post('/datasets', {
        name: 'd',
        project: { name: 'p' },
        files: [{ filename: 'a', parts: [{ number: 1 }] }, { filename: 'b' }],
        tags: [{ name: 'x' }, { name: 'y' }],
      })
      await api.post('/tags', { name: 'z', colour: 'red' })
      return api
    }

    t.test('POST writes into a collection and answers what was written', async (t) => {
      const api = await world(t)
      const one = await api.post('/datasets/1/files', { filename: 'c' })
      t.match(one, { status: 201, headers: { location: '/files/3' }, body: { id: 3, dataset_id: 1 } })
      const many = await api.post('/datasets/1/tags', [{ name: 'z' }, { name: 'new', colour: 'blue' }])
      t.equal(many.status, 201)
      t.same(namesOf(many.body), ['new', 'z'])
      t.same(namesOf((await api.get('/datasets/1/tags')).body), ['new', 'x', 'y', 'z'])
      t.match((await api.get('/tags/z')).body, { colour: 'red' })
      await api.post('/datasets/1/tags', { name: 'x' })
      t.equal((await api.get('/datasets/1/tags')).body.length, 4)
    })

    t.test('PUT makes an n–m collection exactly the given set', async (t) => {
      const api = await world(t)
      const put = await api.put('/datasets/1/tags', [{ name: 'y' }, { name: 'z' }])
      t.equal(put.status, 200)
      t.same(namesOf(put.body), ['y', 'z'])
      t.same(namesOf((await api.get('/datasets/1/tags')).body), ['y', 'z'])
      t.equal((await api.get('/tags/x')).status, 200)
      t.same((await api.put('/datasets/1/tags', [])).body, [])
      t.same((await api.get('/datasets/1/tags')).body, [])
    })

    t.test('PUT of a one-to-many refuses rows that would go with what it leaves out', async (t) => {
      const api = await world(t)
      const put = await api.put('/datasets/1/files', [{ filename: 'c', parts: [{ id: 1 }] }])
      t.match(put, {
        status: 409,
        body: { code: 'reference_missing', errors: [{ pointer: '/0/parts/0' }] },
      })
      t.match((await api.get('/files?fields=id')).body, [{ id: 1 }, { id: 2 }])
      t.match((await api.get('/parts')).body, [{ id: 1, file_id: 1 }], 'nothing is lost')
    })

    t.test('PUT of a one-to-many deletes what is gone, with what hangs on it', async (t) => {
      const api = await world(t)
      const put = await api.put('/datasets/1/files', [{ id: 2, size: 7 }, { filename: 'a' }])
      t.equal(put.status, 200)
      t.match(put.body, [
        { id: 2, filename: 'b', size: 7 },
        { id: 3, filename: 'a' },
      ])
      t.equal((await api.get('/files/1')).status, 404)
      t.same((await api.get('/parts')).body, [])
      await api.put('/datasets/1/files', [])
      t.same((await api.get('/files')).body, [])
    })

    t.test('DELETE takes one out: a link, or the child itself', async (t) => {
      const api = await world(t)
      t.equal((await api.delete('/datasets/1/tags/x')).status, 204)
      t.equal((await api.get('/tags/x')).status, 200)
      t.equal((await api.delete('/datasets/1/tags/x')).status, 404)
      t.equal((await api.delete('/datasets/1/files/1')).status, 204)
      t.equal((await api.get('/files/1')).status, 404)
      await api.post('/projects', { name: 'q', datasets: [{ name: 'e', files: [{ filename: 'f' }] }] })
      t.equal((await api.delete('/datasets/1/files/3')).status, 404)
      t.equal((await api.get('/files/3')).status, 200)
    })

    const refusals: [method: string, path: string, body: unknown, status: number, code: string][] = [
      ['POST', '/datasets/9/files', { filename: 'x' }, 404, 'not_found'],
      ['POST', '/datasets/9/files', { nope: 1 }, 404, 'not_found'],
      ['PUT', '/datasets/9/tags', [], 404, 'not_found'],
      ['POST', '/datasets/1/files', {}, 400, 'empty_body'],
      ['POST', '/datasets/1/files', [], 400, 'empty_body'],
      ['POST', '/datasets/1/files', { filename: 'x', dataset_id: 2 }, 400, 'invalid_body'],
      ['POST', '/datasets/1/files', { size: 1 }, 400, 'missing_fields'],
      ['PUT', '/datasets/1/files', { filename: 'x' }, 400, 'invalid_body'],
      ['PUT', '/datasets/1/tags', [{ nmae: 'x' }], 400, 'invalid_body'],
      ['POST', '/datasets/1/files', { filename: 'a' }, 409, 'unique_violation'],
      ['DELETE', '/datasets/9/tags/x', undefined, 404, 'not_found'],
    ]
    t.test('what cannot be is refused and changes nothing', async (t) => {
      const api = await world(t)
      const before = (await api.get('/datasets/1')).body
      for (const [method, path, body, status, code] of refusals) {
        const answer = await api.request({ method, path, ...(body === undefined ? {} : { body }) })
        t.match(answer, { status, body: { code } }, `${method} ${path} ${JSON.stringify(body)}`)
      }
      t.same((await api.get('/datasets/1')).body, before)
    })
  })
}
