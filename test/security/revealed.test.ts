/** What somebody may not read is told by nothing: not by bodies, counts, orders, extremes, links or errors. */
import t from 'tap'
import { type Api, HEADER_AUTH, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const CONFIG = `
plugins: { ${HEADER_AUTH}: {} }
resources:
  Project:
    columns: { name: string(50)!, budget: integer }
    relations: { datasets: { many: Dataset } }
    permissions:
      self: { verbs: [read] }
      datasets: { verbs: [read, write], propagate: [files] }
  Dataset:
    columns: { name: string(50)!, size: integer, code: { type: string(20), unique: true } }
    relations: { project: { one: Project }, files: { many: File }, tags: { many: Tag, through: dataset_tag } }
  File:
    columns: { note: string(50)! }
    relations: { dataset: { one: Dataset, required: true } }
  Tag:
    columns: { name: { type: string, primary: true } }
    relations: { datasets: { many: Dataset, through: dataset_tag } }
  Shelf:
    columns: { name: string }
    relations: { books: { many: Book } }
    permissions: { books: { verbs: [write] } }
  Book:
    columns: { title: string }
    relations: { shelf: { one: Shelf } }
    permissions: { self: { verbs: [read] } }
  Secret:
    columns: { text: string(50)!, owner: string(50) }
    relations: { tag: { one: Tag } }
    access: { read: [lab] }
`

const CLOSED = `
plugins: { ${HEADER_AUTH}: {} }
resources:
  Dataset:
    columns: { name: string(50)! }
    relations: { tags: { many: Tag, through: dataset_tag } }
  Tag:
    columns: { name: { type: string, primary: true } }
    access: { read: [lab], create: [lab] }
`

const OUTSIDER = { username: 'olga', groups: ['elsewhere'] }

async function world(t: Parameters<typeof startApi>[0], dialect: (typeof DIALECTS)[number]): Promise<Api> {
  const api = await startApi(t, CONFIG, { dialect })
  const root = api.as({ username: 'root', groups: ['admin'] })
  await root.post('/groups', [{ path: 'lab' }, { path: 'admin' }])
  const lab = { groups: [{ path: 'lab' }] }
  const made = await root.post('/projects', [
    {
      name: 'closed',
      budget: 1000,
      perm_self: { read: lab },
      perm_datasets: { read: lab, write: lab },
      datasets: [
        { name: 'hidden', size: 900, code: 'c1', files: [{ note: 'secret' }], tags: [{ name: 't' }] },
      ],
    },
    {
      name: 'open',
      budget: 10,
      datasets: [{ name: 'shown', size: 5, code: 'c2', files: [{ note: 'plain' }], tags: [{ name: 't' }] }],
    },
  ])
  if (made.status !== 201) throw new Error(JSON.stringify(made.body))
  await root.post('/secrets', { text: 'x', owner: 'root', tag: { name: 't' } })
  return api
}

for (const dialect of DIALECTS) {
  t.test(`${dialect}: queries answer from readable rows only`, async (t) => {
    const api = await world(t, dialect)
    const olga = api.as(OUTSIDER)
    const shown = (path: string) => olga.get(path)
    const cases: readonly (readonly [
      path: string,
      field: string,
      values: readonly unknown[],
      count?: string,
    ])[] = [
      ['/projects?count=true', 'name', ['open'], '1'],
      ['/projects?budget.max()&count=true', 'name', ['open'], '1'],
      ['/projects?name=closed&count=true', 'name', [], '0'],
      ['/projects?name=*os*&count=true', 'name', [], '0'],
      ['/projects?datasets.name=hidden', 'name', []],
      ['/projects?datasets.files.note=secret', 'name', []],
      ['/datasets?count=true', 'name', ['shown'], '1'],
      ['/datasets?size.max()', 'name', ['shown']],
      ['/datasets?size.gt(100)&count=true', 'name', [], '0'],
      ['/datasets?project.name=closed', 'name', []],
      ['/datasets?sort=-size', 'name', ['shown']],
      ['/files?dataset.project.name=closed', 'note', []],
      ['/files?sort=-dataset.size&count=true', 'note', ['plain'], '1'],
      ['/tags?datasets.name=hidden', 'name', []],
      ['/tags?datasets.name=shown', 'name', ['t']],
    ]
    for (const [path, field, values, count] of cases) {
      const { status, body, headers } = await shown(path)
      t.equal(status, 200, path)
      t.same(
        body.map((row: Record<string, unknown>) => row[field]),
        values,
        path,
      )
      t.equal(headers['x-total-count'], count, path)
    }
    const page = await shown('/projects?start=0&end=1&count=true')
    t.notMatch(page.headers['link'] ?? '', /rel="next"/, 'no link to a page of hidden rows')
    const tag = await shown('/tags/t?fields=name,datasets.name,datasets.files.note')
    t.same(tag.body.datasets, [{ name: 'shown', files: [{ note: 'plain' }] }])
    t.notMatch(JSON.stringify((await shown('/tags/t')).body), /hidden|closed|secret/)
  })

  t.test(`${dialect}: absent and unreadable rows have one answer`, async (t) => {
    const api = await world(t, dialect)
    const olga = api.as(OUTSIDER)
    const told = async (method: string, path: string, body?: unknown) => {
      const answer = await olga.request({ method, path, ...(body === undefined ? {} : { body }) })
      const { request_id: _, ...problem } = answer.body ?? {}
      const { 'x-request-id': _id, date: _date, ...headers } = answer.headers
      return JSON.stringify({ status: answer.status, problem, headers }).replaceAll(/\b(1|99)\b/g, '#')
    }
    const requests: readonly (readonly [method: string, path: (id: number) => string, body?: unknown])[] = [
      ['GET', (id) => `/projects/${id}`],
      ['GET', (id) => `/projects/${id}/datasets`],
      ['GET', (id) => `/projects/${id}/access`],
      ['PUT', (id) => `/projects/${id}`, { name: 'x' }],
      ['PUT', (id) => `/projects/${id}`, { datasets: [{ name: 'x' }] }],
      ['PUT', (id) => `/projects/${id}`, { nonsense: 1 }],
      ['PUT', (id) => `/projects/${id}`, { perm_self: { read: null } }],
      ['POST', (id) => `/projects/${id}/datasets`, [{ name: 'x' }]],
      ['PUT', (id) => `/projects/${id}/datasets`, []],
      ['DELETE', (id) => `/projects/${id}/datasets/1`],
      ['DELETE', (id) => `/projects/${id}`],
      ['GET', (id) => `/datasets/${id}/tags`],
      ['PUT', (id) => `/datasets/${id}`, { name: 'x' }],
      ['POST', (id) => `/datasets/${id}/tags`, [{ name: 't' }]],
      ['DELETE', (id) => `/datasets/${id}/tags/t`],
      ['DELETE', (id) => `/datasets/${id}`],
    ]
    for (const [method, path, body] of requests) {
      const hidden = await told(method, path(1), body)
      t.match(hidden, /"status":404/, `${method} ${path(1)}`)
      t.equal(hidden, await told(method, path(99), body), `${method} ${path(1)}`)
    }
    const references: readonly (readonly [method: string, path: string, body: (id: number) => unknown])[] = [
      ['POST', '/datasets', (id) => ({ name: 'x', project_id: id })],
      ['POST', '/datasets', (id) => ({ name: 'x', project: { id } })],
      ['POST', '/files', (id) => ({ note: 'x', dataset_id: id })],
      ['PUT', '/datasets/2', (id) => ({ project_id: id })],
      ['PUT', '/projects/2', (id) => ({ datasets: [{ id }] })],
    ]
    for (const [method, path, body] of references) {
      const hidden = await told(method, path, body(1))
      t.match(hidden, /"status":409.*reference_missing/, `${method} ${path}`)
      t.equal(hidden, await told(method, path, body(99)), `${method} ${path}`)
    }
  })

  t.test(`${dialect}: what a static rule closes cannot be named anywhere`, async (t) => {
    const api = await world(t, dialect)
    const olga = api.as(OUTSIDER)
    for (const path of ['/secrets', '/secrets/1', '/secrets?text=x', '/secrets/9', '/secrets/1/tag']) {
      t.equal((await olga.get(path)).status, 403, path)
      t.equal((await api.as(null).get(path)).status, 401, path)
    }
  })

  t.test(`${dialect}: a mere reference tells nothing about a resource that one may not read`, async (t) => {
    const api = await startApi(t, CLOSED, { dialect })
    await api.as({ username: 'root', groups: ['admin'] }).post('/tags', { name: 'there' })
    for (const [who, status] of [
      [null, 401],
      [OUTSIDER, 403],
    ] as const) {
      for (const name of ['there', 'absent']) {
        const { status: told, body } = await api.as(who).post('/datasets', { name: 'd', tags: [{ name }] })
        t.match({ told, detail: body.detail }, { told: status, detail: /read Tag/ }, name)
      }
    }
  })

  t.test(`${dialect}: look-alikes of a group are not the group`, async (t) => {
    const api = await world(t, dialect)
    const alike = [
      'Lab',
      'LAB',
      'la',
      'lab2',
      'lab_',
      'x__lab',
      'lab__',
      '__lab',
      'lab%',
      'la_',
      '*',
      'l',
      'läb',
    ]
    for (const path of alike) {
      const other = api.as({ username: 'x', groups: [path] })
      t.same((await other.get('/projects?fields=name')).body, [{ name: 'open' }], path)
      t.equal((await other.get('/secrets')).status, 403, path)
    }
    for (const path of ['lab', 'lab__rna', 'lab__rna__x']) {
      const member = api.as({ username: 'x', groups: [path] })
      t.equal((await member.get('/projects?fields=name')).body.length, 2, path)
    }
  })

  t.test(`${dialect}: lists are shown to those who may change them, and to nobody else`, async (t) => {
    const api = await world(t, dialect)
    const root = api.as({ username: 'root', groups: ['admin'] })
    const lab = api.as({ username: 'lea', groups: ['lab'] })
    await root.put('/projects/1', {
      perm_datasets: { write: { groups: [{ path: 'lab' }] } },
    })
    const seen = await lab.get('/projects/1')
    t.match(seen.body.perm_datasets.read, { id: Number, groups: [{ path: 'lab' }] })
    for (const query of ['perm_self=x', 'sort=perm_self', 'perm_datasets.null()']) {
      t.equal((await lab.get(`/projects?${query}`)).status, 400, query)
    }
    const nested = await lab.post('/shelfs', { name: 's', books: [{ title: 'b' }] })
    t.equal(nested.status, 201)
    await root.put('/shelfs/1', { perm_books: { write: { groups: [{ path: 'admin' }] } } })
    for (const [query, keys] of [
      ['', ['id', 'shelf', 'shelf_id', 'title']],
      ['?fields=title,perm_self', ['title']],
      ['?fields=perm_self,title', ['title']],
      ['?fields=perm_self', []],
    ] as const) {
      const { body } = await lab.get(`/books/1${query}`)
      t.same(Object.keys(body).sort(), keys, `left out for who may not update: ${query}`)
    }
    t.same((await lab.get('/shelfs?fields=books.perm_self')).body, [{ books: [{}] }])
    t.same((await root.get('/books/1?fields=perm_self')).body, { perm_self: { read: null } })
    const listed = await lab.get('/projects')
    t.notMatch(JSON.stringify(listed.body), /perm_/, 'not in lists unless asked for')
    const { read } = seen.body.perm_datasets
    const put = (body: unknown) => lab.put('/projects/1', { perm_datasets: body })
    await root.post('/groups', [{ path: 'guests' }])
    const added = await put({ read: { id: read.id, groups: [{ path: 'guests' }] } })
    t.same(added.body.perm_datasets.read, { id: read.id, groups: [{ path: 'guests' }, { path: 'lab' }] })
    const replaced = await put({ read: { groups: [{ path: 'lab' }] } })
    t.same(replaced.body.perm_datasets.read, { id: read.id, groups: [{ path: 'lab' }] })
    const { id: foreign } = (await root.get('/projects/1')).body.perm_self.read
    t.equal((await put({ read: { id: foreign, groups: [] } })).status, 409, 'the id of another list')
    t.equal((await put({ read: { groups: [{ path: 'nowhere' }] } })).body.code, 'reference_missing')
    const cleared = await put({ read: null })
    t.equal(cleared.body.perm_datasets.read, null)
    t.equal((await root.delete('/groups/lab')).status, 409, 'a group that a list names stays')
  })
}
