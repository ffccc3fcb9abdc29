/** A hundred simultaneous releases of one version, through one process and through four: one of them wins. */
import { join } from 'node:path'
import t from 'tap'
import { httpClient } from '../helpers/api.js'
import { serveCli } from '../helpers/cli.js'
import { DIALECTS, testDatabaseUrl } from '../helpers/databases.js'

const CONFIG = `
auth: off
resources:
  Study:
    versioned: true
    columns: { name: string(50)! }
    relations: { samples: { many: Sample } }
  Sample:
    columns: { label: string(50)! }
    relations: { study: { one: Study, required: true } }
`
const AT_ONCE = 100

const CASES = DIALECTS.flatMap((dialect) => [1, 4].map((processes) => ({ dialect, processes })))

for (const { dialect, processes } of CASES) {
  t.test(`one of a hundred releases succeeds on ${dialect}, processes: ${processes}`, async (t) => {
    const cwd = t.testdir({ 'biodm.yaml': CONFIG })
    const database = await testDatabaseUrl(t, dialect, { file: true })
    const server = await serveCli(t, [
      join(cwd, 'biodm.yaml'),
      '--port',
      '0',
      '--database',
      database,
      ...(processes === 1 ? [] : ['--workers', String(processes)]),
    ])
    const api = httpClient(server.url)
    const samples = Array.from({ length: 20 }, (_, index) => ({ label: `s${index}` }))
    t.equal((await api.post('/studys', { name: 's', samples })).status, 201)
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) => api.post('/studys/1_1/release', { name: `n${index}` })),
    )
    const count = (status: number) => answers.filter((answer) => answer.status === status).length
    t.same([count(201), count(409)], [1, AT_ONCE - 1])
    t.match((await api.get('/studys?sort=version')).body, [
      { version: 1, is_latest: false, name: 's' },
      { version: 2, is_latest: true },
    ])
    t.equal((await api.get('/samples?end=100')).body.length, 40)
  })
}
