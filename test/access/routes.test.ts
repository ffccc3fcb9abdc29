/** Every route of the table, as five kinds of callers: what each is answered, and that no route is without a policy. */
import t from 'tap'
import type { Route } from '../../src/controllers/route.js'
import { type Api, HEADER_AUTH, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const CONFIG = `
plugins: { ${HEADER_AUTH}: {} }
resources:
  Project:
    columns: { name: string(50)! }
    relations: { datasets: { many: Dataset } }
    access: { create: [lab], update: [lab], delete: [lab] }
    permissions: { datasets: { verbs: [read, write] } }
  Dataset:
    versioned: true
    columns: { name: string(50)! }
    relations:
      project: { one: Project, required: true }
      tags: { many: Tag, through: dataset_tag }
  Tag:
    columns: { name: { type: string, primary: true } }
    access: { create: [lab], update: admin, delete: admin }
`

const CALLERS = {
  anonymous: null,
  outsider: { username: 'olga', groups: ['elsewhere', 'laboratory'] },
  reader: { username: 'rita', groups: ['readers__visiting'] },
  writer: { username: 'wim', groups: ['lab__writers', 'readers'] },
  admin: { username: 'root', groups: ['admin'] },
} as const
type CallerName = keyof typeof CALLERS
const NAMES = Object.keys(CALLERS) as CallerName[]

/** Dataset 1 of project 1: read by `readers`, written by `lab__writers`. */
async function world(t: Parameters<typeof startApi>[0], dialect: (typeof DIALECTS)[number]): Promise<Api> {
  const api = await startApi(t, CONFIG, { dialect })
  const root = api.as(CALLERS.admin)
  const paths = ['lab', 'lab__writers', 'readers', 'readers__visiting']
  await root.post(
    '/groups',
    paths.map((path) => ({ path })),
  )
  await root.post('/users', [{ username: 'rita' }, { username: 'wim' }])
  await root.post('/tags', [{ name: 't1' }, { name: 't2' }])
  const made = await root.post('/projects', {
    name: 'p',
    perm_datasets: {
      read: { groups: [{ path: 'readers' }, { path: 'lab__writers' }] },
      write: { groups: [{ path: 'lab__writers' }] },
    },
    datasets: [{ name: 'd', tags: [{ name: 't1' }] }],
  })
  if (made.status !== 201) throw new Error(JSON.stringify(made.body))
  return api
}

/** anonymous, outsider, reader, writer, admin */
type Row = readonly [request: string, body: unknown, ...statuses: number[]]

/** One world a caller, in this order, so that what is deleted comes last. */
const TABLE: readonly Row[] = [
  ['GET /projects', undefined, 200, 200, 200, 200, 200],
  ['GET /projects/1', undefined, 200, 200, 200, 200, 200],
  ['GET /projects/9', undefined, 404, 404, 404, 404, 404],
  ['GET /projects/schema', undefined, 200, 200, 200, 200, 200],
  ['GET /projects/1/access', undefined, 401, 403, 403, 200, 200],
  ['GET /projects/1/datasets', undefined, 200, 200, 200, 200, 200],
  ['POST /projects', { name: 'x' }, 401, 403, 403, 201, 201],
  ['POST /projects', { nonsense: 1 }, 401, 403, 403, 400, 400],
  ['POST /projects', '{', 401, 403, 403, 400, 400],
  ['PUT /projects/1', { name: 'y' }, 401, 403, 403, 200, 200],
  ['PATCH /projects/1', { name: 'z' }, 401, 403, 403, 200, 200],
  ['PUT /projects/9', { name: 'y' }, 401, 403, 403, 404, 404],
  ['PUT /projects/1', { perm_datasets: { read: null } }, 401, 403, 403, 200, 200],
  [
    'PUT /projects/1',
    { perm_datasets: { read: { groups: [{ path: 'readers' }] } } },
    401,
    403,
    403,
    200,
    200,
  ],
  ['PUT /projects/1', { perm_datasets: { read: { groups: [{ path: 'none' }] } } }, 401, 403, 403, 409, 409],
  ['PUT /projects/1', { perm_datasets: { read: { groups: [{ path: 'a____b' }] } } }, 401, 403, 403, 400, 400],
  [
    'PUT /projects/1',
    { perm_datasets: { read: { id: 9999, groups: [{ path: 'lab' }] } } },
    401,
    403,
    403,
    409,
    409,
  ],
  ['POST /projects/1/datasets', [{ name: 'n' }], 401, 403, 403, 201, 201],
  ['PUT /projects/1', { datasets: [{ name: 'm' }] }, 401, 403, 403, 200, 200],
  ['GET /datasets', undefined, 200, 200, 200, 200, 200],
  ['GET /datasets/1_1', undefined, 404, 404, 200, 200, 200],
  ['GET /datasets/1_1/access', undefined, 404, 404, 403, 200, 200],
  ['GET /datasets/1_1/project', undefined, 404, 404, 200, 200, 200],
  ['GET /datasets/1_1/tags', undefined, 404, 404, 200, 200, 200],
  ['GET /datasets/schema', undefined, 200, 200, 200, 200, 200],
  ['POST /datasets', { name: 'x', project_id: 1 }, 401, 403, 403, 201, 201],
  ['POST /datasets', { name: 'x', project: { id: 1 } }, 401, 403, 403, 201, 201],
  ['POST /datasets', { id: 1, version: 1, name: 'x', project_id: 1 }, 409, 409, 403, 201, 201],
  ['PUT /datasets/1_1', { name: 'x2' }, 404, 404, 403, 200, 200],
  ['PATCH /datasets/1_1', { name: 'x3' }, 404, 404, 403, 200, 200],
  ['POST /datasets/1_1/tags', [{ name: 't2' }], 401, 403, 403, 201, 201],
  ['PUT /datasets/1_1/tags', [{ name: 't2' }], 404, 404, 403, 200, 200],
  ['DELETE /datasets/1_1/tags/t2', undefined, 404, 404, 404, 204, 204],
  ['DELETE /datasets/1_1/tags/t1', undefined, 404, 404, 403, 404, 404],
  ['PUT /projects/1/datasets', [{ id: 1, version: 1 }], 409, 409, 200, 200, 200],
  ['DELETE /projects/1/datasets/9_1', undefined, 404, 404, 404, 404, 404],
  ['POST /datasets/1_1/release', undefined, 404, 404, 403, 201, 201],
  ['GET /tags', undefined, 200, 200, 200, 200, 200],
  ['GET /tags/t1', undefined, 200, 200, 200, 200, 200],
  ['GET /tags/schema', undefined, 200, 200, 200, 200, 200],
  ['GET /tags/t1/access', undefined, 401, 403, 403, 403, 200],
  ['POST /tags', [{ name: 'new' }], 401, 403, 403, 201, 201],
  ['PUT /tags/t1', { name: 't1' }, 401, 403, 403, 403, 200],
  ['PATCH /tags/t1', { name: 't1' }, 401, 403, 403, 403, 200],
  ['DELETE /tags/t2', undefined, 401, 403, 403, 403, 204],
  ['GET /users', undefined, 401, 200, 200, 200, 200],
  ['GET /users/rita', undefined, 401, 200, 200, 200, 200],
  ['GET /users/schema', undefined, 200, 200, 200, 200, 200],
  ['GET /users/rita/access', undefined, 401, 403, 403, 403, 200],
  ['GET /users/rita/groups', undefined, 401, 200, 200, 200, 200],
  ['POST /users', { username: 'neu' }, 401, 403, 403, 403, 201],
  ['PUT /users/rita', { firstName: 'Rita' }, 401, 403, 200, 403, 200],
  ['PATCH /users/rita', { firstName: 'R.' }, 401, 403, 200, 403, 200],
  ['PUT /users/rita', { id: 'x' }, 401, 403, 403, 403, 200],
  ['PUT /users/rita', { groups: [{ path: 'lab' }] }, 401, 403, 403, 403, 200],
  ['POST /users/rita/groups', [{ path: 'readers' }], 401, 403, 403, 403, 201],
  ['PUT /users/rita/groups', [{ path: 'lab' }], 401, 403, 403, 403, 200],
  ['DELETE /users/rita/groups/lab', undefined, 401, 403, 403, 403, 204],
  ['DELETE /users/rita', undefined, 401, 403, 403, 403, 204],
  ['GET /groups', undefined, 401, 200, 200, 200, 200],
  ['GET /groups/lab', undefined, 401, 200, 200, 200, 200],
  ['GET /groups/schema', undefined, 200, 200, 200, 200, 200],
  ['GET /groups/lab/access', undefined, 401, 403, 403, 403, 200],
  ['GET /groups/lab/users', undefined, 401, 200, 200, 200, 200],
  ['GET /groups/lab/children', undefined, 401, 200, 200, 200, 200],
  ['GET /groups/lab__writers/parent', undefined, 401, 200, 200, 200, 200],
  ['POST /groups', { path: 'new' }, 401, 403, 403, 403, 201],
  ['POST /groups', { path: 'a____b' }, 401, 403, 403, 403, 400],
  ['PUT /groups/new', { id: 'g' }, 401, 403, 403, 403, 200],
  ['PATCH /groups/new', { id: 'g2' }, 401, 403, 403, 403, 200],
  ['POST /groups/lab/users', [{ username: 'wim' }], 401, 403, 403, 403, 201],
  ['PUT /groups/lab/users', [{ username: 'wim' }], 401, 403, 403, 403, 200],
  ['DELETE /groups/lab/users/wim', undefined, 401, 403, 403, 403, 204],
  ['POST /groups/lab/children', [{ path: 'lab__new' }], 401, 403, 403, 403, 201],
  ['PUT /groups/lab/children', [{ path: 'lab__new' }], 401, 403, 403, 403, 409],
  ['DELETE /groups/lab/children/lab__new', undefined, 401, 403, 403, 403, 204],
  ['DELETE /groups/new', undefined, 401, 403, 403, 403, 204],
  ['DELETE /datasets/1_2', undefined, 404, 404, 404, 204, 204],
  ['DELETE /projects/9', undefined, 401, 403, 403, 404, 404],
  ['GET /live', undefined, 200, 200, 200, 200, 200],
  ['GET /ready', undefined, 200, 200, 200, 200, 200],
  ['GET /schema', undefined, 200, 200, 200, 200, 200],
  ['GET /metrics', undefined, 200, 200, 200, 200, 200],
  ['GET /history', undefined, 404, 404, 404, 404, 404],
  ['GET /dataset_tags', undefined, 404, 404, 404, 404, 404],
  ['GET /biodm_list_projects', undefined, 404, 404, 404, 404, 404],
]

for (const dialect of DIALECTS) {
  for (const [column, name] of NAMES.entries()) {
    t.test(`${dialect}: what every route answers to the ${name}`, async (t) => {
      const api = await world(t, dialect)
      const client = api.as(CALLERS[name])
      for (const [request, body, ...statuses] of TABLE) {
        const [method = '', path = ''] = request.split(' ')
        const json = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
        const answer = await client.request({
          method,
          path,
          headers: json,
          ...(body === undefined ? {} : { body }),
        })
        const expected = statuses[column]
        if (answer.status !== expected) t.comment(answer.body)
        t.equal(answer.status, expected, `${request} ${body === undefined ? '' : JSON.stringify(body)}`)
        if (answer.status === 401) t.match(answer.headers['www-authenticate'], /^Bearer/)
      }
    })
  }
}

t.test('every route has a policy, and the table above tries each of them', async (t) => {
  const api = await world(t, 'sqlite')
  const tried = TABLE.map(([request]) => request)
  for (const route of api.runtime.routes) {
    const { guard } = route.policy
    if (guard.kind === 'rules')
      t.not(guard.rules.length, 0, `${route.method} ${route.template} names its rules`)
    else t.ok(guard.kind === 'open' || guard.kind === 'plugin', `${route.method} ${route.template}`)
    if (route.hidden || UNTRIED.has(route.template)) continue
    t.ok(
      tried.some((request) => matches(route, request)),
      `${route.method} ${route.template} is tried`,
    )
  }
})

/** Pages and files of documentation: open, and tested where they are made. */
const UNTRIED = new Set(['/swagger', '/swagger/*'])

function matches({ method, template }: Route, request: string): boolean {
  const pattern = template.replaceAll(/\{[^}]+\}/g, '[^/]+').replace('*', '.*')
  return new RegExp(`^${method} ${pattern}$`).test(request)
}
