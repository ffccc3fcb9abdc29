/** The route table: every route has a policy, and answers by it. */
import t from 'tap'
import type { Route } from '../../src/controllers/route.js'
import { type Api, HEADER_AUTH, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const CONFIG = {
  server: { require_auth: true },
  history: { reads: true },
  plugins: { [HEADER_AUTH]: {} },
  resources: {
    Project: {
      versioned: true,
      columns: { name: 'string(50)!' },
      relations: { datasets: { many: 'Dataset' }, tags: { many: 'Tag', through: 'project_tag' } },
      access: { create: ['lab'], delete: 'admin' },
    },
    Dataset: { columns: { name: 'string(50)!' }, relations: { project: { one: 'Project', required: true } } },
    Tag: { columns: { name: { type: 'string', primary: true } } },
  },
}

const pathOf = ({ template }: Route): string =>
  template
    .replaceAll(/\{\w+\}/g, '1')
    .replace('/projects/1', '/projects/1_1')
    .replace('*', 'x')

const ask = (api: Api, route: Route, headers: Record<string, string> = {}) =>
  api.request({
    method: route.method,
    path: pathOf(route),
    headers,
    ...(route.body === 'json' ? { body: {} } : {}),
  })

const OPEN = ['/live', '/ready', '/metrics', '/schema', '/swagger', '/swagger/*']

for (const dialect of DIALECTS) {
  t.test(`on ${dialect}`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    const { routes } = api.runtime
    const adminHeaders = { 'x-user': 'root', 'x-groups': 'admin' }

    t.test('every route has a policy that names what decides', async (t) => {
      t.ok(routes.length > 40)
      for (const { method, template, policy } of routes) {
        const { guard } = policy
        if (guard.kind === 'open') {
          t.ok(OPEN.includes(template) || template.endsWith('/schema'), `${method} ${template} is open`)
        }
        if (guard.kind === 'rules') t.ok(guard.rules.length > 0, `${method} ${template}`)
      }
      t.equal(new Set(routes.map(({ method, template }) => `${method} ${template}`)).size, routes.length)
    })

    t.test('without a token only public routes answer', async (t) => {
      for (const route of routes) {
        const { status, headers } = await ask(api, route)
        const label = `${route.method} ${route.template}`
        if (route.policy.public) t.not(status, 401, label)
        else {
          t.equal(status, 401, label)
          t.match(headers['www-authenticate'], /^Bearer/, label)
        }
      }
    })

    t.test('a bad token is 401 everywhere but where tokens are ignored', async (t) => {
      for (const route of routes) {
        const { status, body } = await ask(api, route, { 'x-user': 'bad' })
        const label = `${route.method} ${route.template}`
        if (route.policy.ignoreToken) t.not(status, 401, label)
        else t.match({ status, code: body.code }, { status: 401, code: 'invalid_token' }, label)
      }
    })

    t.test('no route answers an admin with 401, 403 or 500', async (t) => {
      for (const route of routes) {
        const { status } = await ask(api, route, adminHeaders)
        t.notOk([401, 403, 405, 500].includes(status), `${route.method} ${route.template}: ${status}`)
      }
    })

    t.test('unknown paths are 404 for everybody, also with a bad token', async (t) => {
      for (const headers of [{}, { 'x-user': 'bad' }, adminHeaders]) {
        t.equal((await api.get('/nothing', headers)).status, 404)
      }
      t.equal((await api.request({ method: 'OPTIONS', path: '/projects' })).status, 204)
    })

    t.test('a refused rule is said before what is wrong with the body', async (t) => {
      const outsider = { 'x-user': 'eve' }
      t.equal((await api.post('/projects', '{', outsider)).status, 403)
      t.equal((await api.post('/projects', '{', { 'x-user': 'ada', 'x-groups': 'lab__rna' })).status, 400)
    })

    t.test('reads are recorded when the configuration asks for it', async (t) => {
      const ada = { 'x-user': 'ada', 'x-groups': 'lab', 'x-request-id': 'read-1' }
      await api.post('/tags', { name: 'blue' }, ada)
      t.equal((await api.get('/tags/blue', ada)).status, 200)
      t.equal((await api.get('/tags/green', ada)).status, 404)
      const rows = await api.runtime.core.database.rows({
        text: `SELECT username, method, path, resource, key FROM biodm_history WHERE request_id = 'read-1' ORDER BY id`,
        values: [],
      })
      t.same(
        rows.map((row) => ({ ...row })),
        [
          { username: 'ada', method: 'POST', path: '/tags', resource: 'Tag', key: 'blue' },
          { username: 'ada', method: 'GET', path: '/tags/blue', resource: 'Tag', key: 'blue' },
        ],
      )
    })
  })
}
