import t from 'tap'
import type { Client, ClientResponse, RequestOptions } from '../../src/runtime.js'
import { DIALECTS } from '../helpers/databases.js'
import { historyOf, LIBRARY, serveWorld } from '../helpers/worlds.js'

const MANY = 200

/** A client that waits while the server has no connection free, as `Retry-After` asks. */
async function patient(api: Client, request: RequestOptions): Promise<ClientResponse> {
  for (;;) {
    const answer = await api.request(request)
    if (answer.status !== 503) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const all = <T>(run: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: MANY }, (_, index) => run(index)))

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    t.test('simultaneous upserts of the same keys end as some serial order would', async (t) => {
      const app = await serveWorld(t, dialect, LIBRARY)
      const api = app.as(null)
      const keys = ['a', 'b', 'c']
      const answers = await all((index) => {
        // In changing order, so that transactions meet each other's locks from both sides.
        const order = index % 2 === 0 ? keys : [...keys].reverse()
        const body = order.map((name) => ({ name, colour: `by ${index}` }))
        return patient(api, { method: 'POST', path: '/tags', body })
      })
      t.same([...new Set(answers.map(({ status }) => status))], [201])
      answers.forEach(({ body }, index) => {
        const colours = new Set(body.map((tag: { colour: string }) => tag.colour))
        if (colours.size !== 1 || !colours.has(`by ${index}`))
          t.fail(`request ${index} answered with another's values`)
      })
      const stored: { colour: string }[] = (await api.get('/tags')).body
      t.equal(stored.length, 3)
      t.equal(
        new Set(stored.map(({ colour }) => colour)).size,
        1,
        'one request was the last for all its rows',
      )
      t.equal((await historyOf(app)).length, MANY)
    })

    t.test('keys given and keys generated at the same time never collide', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      const answers = await all((index) =>
        patient(api, {
          method: 'POST',
          path: '/projects',
          body: index % 4 === 0 ? { id: 1 + index, name: `given ${index}` } : { name: `drawn ${index}` },
        }),
      )
      t.same([...new Set(answers.map(({ status }) => status))], [201])
      const { headers, body } = await api.get('/projects?count=true&end=1000')
      t.equal(body.length, Number(headers['x-total-count']))
      t.equal(new Set(body.map((row: { id: number }) => row.id)).size, body.length)
    })

    t.test('updates of different fields of one row are not lost', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      await api.post('/datasets', { name: 'd', project: { name: 'p' } })
      const answers = await all((index) =>
        patient(api, {
          method: 'PUT',
          path: '/datasets/1',
          body: index % 2 === 0 ? { size: index } : { tags: [{ name: `t${index}` }], extra: index },
        }),
      )
      t.same([...new Set(answers.map(({ status }) => status))], [200])
      const { body } = await api.get('/datasets/1')
      t.equal(body.size % 2, 0)
      t.equal(body.extra % 2, 1)
      t.equal(body.tags.length, MANY / 2)
    })

    t.test('of many who take the same unique value one succeeds', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      const answers = await all((index) =>
        patient(api, { method: 'POST', path: '/projects', body: { name: `p${index}`, code: 'same' } }),
      )
      t.equal(answers.filter(({ status }) => status === 201).length, 1)
      t.equal(answers.filter(({ body }) => body.code === 'unique_violation').length, MANY - 1)
    })

    t.test('a collection that many replace ends as one of them said', async (t) => {
      const api = (await serveWorld(t, dialect, LIBRARY)).as(null)
      await api.post('/datasets', { name: 'd', project: { name: 'p' } })
      const sets = Array.from({ length: MANY }, (_, index) => [`x${index % 7}`, `y${index % 5}`])
      const answers = await all((index) =>
        patient(api, {
          method: 'PUT',
          path: '/datasets/1/tags',
          body: sets[index]?.map((name) => ({ name })),
        }),
      )
      t.same([...new Set(answers.map(({ status }) => status))], [200])
      const names = (await api.get('/datasets/1/tags')).body.map((tag: { name: string }) => tag.name)
      t.ok(
        sets.some((set) => set.join() === names.join()),
        names.join(),
      )
    })
  })
}
