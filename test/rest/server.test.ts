import t from 'tap'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const CONFIG = `
name: first
resources:
  Project:
    columns: { name: string(50)!, description: text }
    relations: { datasets: { many: Dataset } }
  Dataset:
    columns: { name: string(50)! }
    relations: { project: { one: Project, required: true } }
  Sample:
    columns: { site: { type: string, primary: true }, number: { type: integer, primary: true } }
  Tag:
    columns: { name: { type: string, primary: true } }
`

for (const dialect of DIALECTS) {
  t.test(`on ${dialect}`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })

    t.test('a tree is written, found and read back', async (t) => {
      const created = await api.post('/projects', { name: 'x', datasets: [{ name: 'a' }, { name: 'b' }] })
      t.equal(created.status, 201)
      t.equal(created.headers['location'], '/projects/1')
      t.match(created.body, { id: 1, name: 'x', description: null, datasets: [{ name: 'a' }, { name: 'b' }] })
      t.same((await api.get('/projects/1')).body, created.body)
      t.same((await api.get('/projects?name=x')).body, [created.body])
      t.match((await api.get('/projects/1/datasets?sort=-name')).body, [{ name: 'b' }, { name: 'a' }])
      t.match((await api.get('/datasets/1/project')).body, { id: 1 })
      t.match((await api.patch('/projects/1', { description: 'd' })).body, { name: 'x', description: 'd' })
      t.equal((await api.delete('/datasets/1')).status, 204)
      t.equal((await api.get('/datasets/1')).status, 404)
    })

    t.test('what is wrong is said as a problem', async (t) => {
      const { status, headers, body } = await api.post('/projects', { nam: 'x' })
      t.equal(status, 400)
      t.equal(headers['content-type'], 'application/problem+json')
      t.match(body, { code: 'invalid_body', status: 400, errors: [{ pointer: '/nam' }, {}] })
      t.equal((await api.post('/projects', undefined)).body.code, 'empty_body')
      t.equal((await api.post('/projects', '{"name":"a","name":"b"}')).body.code, 'malformed_json')
      t.equal((await api.get('/projects/x')).body.code, 'invalid_id')
      t.equal((await api.get('/projects/99999999999')).body.code, 'invalid_id')
      t.equal((await api.get('/projects/12')).body.code, 'not_found')
      t.equal((await api.get('/projects?nam=x')).body.code, 'invalid_query')
      t.equal((await api.put('/projects', {})).body.code, 'method_not_allowed')
    })

    t.test('composite keys and keys with any character are paths', async (t) => {
      const sample = await api.post('/samples', { site: 'north_1', number: 7 })
      t.equal(sample.headers['location'], '/samples/north_1_7')
      t.equal((await api.get('/samples/north_1_7')).status, 200)
      const tag = await api.post('/tags', { name: 'a/b %ü?' })
      t.equal(tag.headers['location'], '/tags/a%2Fb%20%25%C3%BC%3F')
      t.same((await api.get(tag.headers['location'] ?? '')).body, { name: 'a/b %ü?' })
    })

    t.test('the server tells how it is', async (t) => {
      t.equal((await api.get('/live')).body, 'live\n')
      t.same((await api.get('/ready')).body, { status: 'ready', database: true, managers: {} })
      t.match(
        (await api.get('/metrics')).body,
        /biodm_request_seconds_count\{method="POST",route="\/projects",status="201"\}/,
      )
    })

    t.test('in-process requests need no socket', async (t) => {
      const ada = api.as({ username: 'ada', groups: ['genomics'] })
      const { status, headers, body } = await ada.post('/projects', { name: 'y' })
      t.equal(status, 201)
      t.match(body, { name: 'y' })
      t.equal((await ada.get(headers['location'] ?? '')).status, 200)
    })
  })
}

t.test('runtimes share nothing and close twice', async (t) => {
  const one = await startApi(t, CONFIG)
  const two = await startApi(t, CONFIG)
  await one.post('/tags', { name: 'here' })
  t.equal((await two.get('/tags/here')).status, 404)
  await one.runtime.close()
  await one.runtime.close()
  t.equal((await two.get('/tags')).status, 200)
  await t.rejects(one.runtime.listen(0))
})
