import t from 'tap'
import { startApi } from '../helpers/api.js'

const CONFIG = `
server: { base_path: /lab }
resources:
  Dataset: { columns: { name: string! } }
`

t.test('the server describes itself', async (t) => {
  const api = await startApi(t, CONFIG)
  const whole = await api.get('/schema')
  t.match(whole, {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: { openapi: '3.1.0', servers: [{ url: '/lab' }] },
  })
  const { paths } = whole.body as { paths: Record<string, unknown> }
  for (const path of [
    '/live',
    '/ready',
    '/metrics',
    '/schema',
    '/swagger',
    '/datasets',
    '/datasets/{id}',
    '/datasets/schema',
    '/users',
  ]) {
    t.ok(paths[path], path)
  }
  const one = await api.get('/datasets/schema')
  t.same(Object.keys((one.body as { paths: object }).paths), [
    '/datasets/schema',
    '/datasets',
    '/datasets/{id}',
    '/datasets/{id}/access',
  ])
  t.match(await api.get('/nothing/schema'), { status: 404 })
})

t.test('swagger is made of files of the server alone', async (t) => {
  const api = await startApi(t, CONFIG)
  const page = await api.get('/swagger')
  t.match(page, { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
  const html = String(page.body)
  t.notMatch(html, /https?:/)
  const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '')
  t.equal(files.length, 4)
  for (const file of files) t.match(await api.get(`/${file}`), { status: 200 }, file)
  for (const file of ['%2e%2e%2fpackage.json', 'package.json', 'constructor', '']) {
    t.match(await api.get(`/swagger/${file}`), { status: 404 }, file)
  }
})
