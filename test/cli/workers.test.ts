/** `serve --workers`. */
import { join } from 'node:path'
import t from 'tap'
import { httpClient } from '../helpers/api.js'
import { childrenOf } from '../helpers/children.js'
import { type ServingCli, serveCli } from '../helpers/cli.js'
import { DIALECTS, testDatabaseUrl } from '../helpers/databases.js'
import { until } from '../helpers/until.js'

const CONFIG = `
resources:
  Book:
    columns: { title: string(50)! }
`

const says = (server: ServingCli, text: RegExp) => until(async () => text.test(server.output().stderr))

for (const dialect of DIALECTS) {
  t.test(`several processes serve one port and replace each other on ${dialect}`, async (t) => {
    const cwd = t.testdir({ 'biodm.yaml': CONFIG })
    const database = await testDatabaseUrl(t, dialect, { file: true })
    const server = await serveCli(t, [
      join(cwd, 'biodm.yaml'),
      '--port',
      '0',
      '--workers',
      '2',
      '--database',
      database,
    ])
    const api = httpClient(server.url, { connection: 'close' })
    const ids = await Promise.all(
      Array.from({ length: 30 }, async () => (await api.post('/books', { title: 'x' })).body.id),
    )
    t.equal(new Set(ids).size, 30)
    t.equal((await api.get('/books?count=true')).headers['x-total-count'], '30')
    const workers = await childrenOf(server.process.pid ?? 0)
    t.equal(workers.length, 2)
    process.kill(workers[0] ?? 0, 'SIGKILL')
    t.ok(await says(server, /another one takes its place/))
    t.ok(await until(async () => (await childrenOf(server.process.pid ?? 0)).length === 2))
    t.equal((await api.get('/books/1')).status, 200)
    for (const pid of await childrenOf(server.process.pid ?? 0)) process.kill(pid, 'SIGKILL')
    const back = async () => (await childrenOf(server.process.pid ?? 0)).length === 2
    t.ok(await until(back), 'all of them can go at once')
    const answers = async () => (await api.get('/books/1').catch(() => ({ status: 0 }))).status === 200
    t.ok(await until(answers), 'on the same port')
    t.equal(await server.stop(), 0)
    for (const pid of workers) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })
}
