import t from 'tap'
import { createRuntime } from '../../src/runtime.js'
import { DIALECTS, testDatabaseUrl } from '../helpers/databases.js'

const CONFIG = {
  name: 'pages',
  server: { page_size: 2, max_page_size: 5 },
  resources: {
    Project: {
      columns: { name: 'string' },
      relations: { datasets: { many: 'Dataset' }, lead: { one: 'Person' } },
    },
    Person: { columns: { username: { type: 'string', primary: true } } },
    Dataset: {
      columns: {
        name: 'string',
        size: 'number',
        done: 'boolean',
        doc: 'json',
        at: 'datetime',
        big: 'bigint',
        price: 'decimal(8,2)',
      },
      relations: { project: { one: 'Project' } },
    },
  },
}

for (const dialect of DIALECTS) {
  t.test(`on ${dialect}`, async (t) => {
    const url = await testDatabaseUrl(t, dialect)
    const app = await createRuntime(CONFIG, { database: { url } })
    t.teardown(() => app.close())
    const api = app.as(null)
    const rows = [1, 2, 3, 4, 5].map((each) => ({
      name: `d ${each}`,
      size: each / 10,
      done: each % 2 === 0,
      doc: { each },
      at: `2024-01-0${each}T00:00:00Z`,
      big: 9007199254740991,
      price: '1.5',
    }))
    await api.post('/projects', { name: 'p', datasets: rows })

    t.test('a page has links to those before and behind, with the query as it was sent', async (t) => {
      const first = await api.get('/datasets?name=d%20*&sort=-id')
      t.same(
        (first.body as { id: number }[]).map(({ id }) => id),
        [5, 4],
      )
      t.equal(
        first.headers['link'],
        '</datasets?start=2&end=4&name=d%20*&sort=-id>; rel="next", </datasets?start=0&end=2&name=d%20*&sort=-id>; rel="first"',
      )
      const middle = await api.get('/datasets?start=2&end=4')
      t.match(
        middle.headers['link'],
        /<\/datasets\?start=4&end=6>; rel="next".*<\/datasets\?start=0&end=2>; rel="prev"/,
      )
      const last = await api.get('/datasets?start=4')
      t.notMatch(last.headers['link'], /next/)
      t.equal((await api.get('/datasets?end=5')).headers['link'], undefined)
      const nested = await api.get(`/datasets?q=${encodeURIComponent('name=d%20*&end=1')}`)
      t.match(nested.headers['link'], '</datasets?start=1&end=2&name=d%20*>; rel="next"')
    })

    t.test('following `next` leads through all rows once', async (t) => {
      const seen: number[] = []
      for (let at: string | undefined = '/datasets?fields=id'; at !== undefined; ) {
        const page = await api.get(at)
        seen.push(...(page.body as { id: number }[]).map(({ id }) => id))
        at = /<([^>]+)>; rel="next"/.exec(String(page.headers['link'] ?? ''))?.[1]
      }
      t.same(seen, [1, 2, 3, 4, 5])
    })

    t.test('the count does not depend on the page, not even on an empty one', async (t) => {
      for (const query of ['', '&start=4', '&start=100', '&start=0&end=0']) {
        const { headers, status } = await api.get(`/datasets?count=true&size.gt(0.1)${query}`)
        t.same([status, headers['x-total-count']], [200, '4'], query)
      }
      t.equal((await api.get('/datasets')).headers['x-total-count'], undefined)
      t.equal((await api.get('/projects/1/datasets?count=TRUE&done=true')).headers['x-total-count'], '2')
    })

    t.test('a collection of an absent row is 404, an empty one is []', async (t) => {
      await api.post('/projects', { name: 'empty' })
      t.same((await api.get('/projects/2/datasets')).body, [])
      t.same((await api.get('/projects/2/datasets?count=true')).body, [])
      t.equal((await api.get('/projects/99/datasets')).status, 404)
      t.equal((await api.get('/projects/99/datasets?count=true')).status, 404)
      t.equal((await api.get('/projects/1/lead')).status, 404)
      t.match((await api.get('/datasets/1/project')).body, { id: 1, name: 'p' })
    })

    t.test('values look the same on every database', async (t) => {
      t.same((await api.get('/datasets/3?fields=size,done,doc,at,big,price,project')).body, {
        size: 0.3,
        done: false,
        doc: { each: 3 },
        at: '2024-01-03T00:00:00.000Z',
        big: 9007199254740991,
        price: '1.50',
        project: { id: 1, name: 'p', lead_username: null },
      })
    })

    t.test('a faulty query is 400 and names its parameters', async (t) => {
      const { status, body } = await api.get('/datasets?size=x&nmae=y')
      t.equal(status, 400)
      t.match(body, { code: 'invalid_query', errors: [{ parameter: 'size' }, { parameter: 'nmae' }] })
    })
  })
}
