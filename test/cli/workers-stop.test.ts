/** What becomes of connections and requests when workers die or are told to stop. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { httpClient } from '../helpers/api.js'
import { childrenOf } from '../helpers/children.js'
import { cli, serveCli } from '../helpers/cli.js'

const CONFIG = `
resources:
  Book:
    columns: { title: string(50)! }
`

t.test('a connection on its way to a worker that dies goes to another one', async (t) => {
  const cwd = t.testdir({ 'biodm.yaml': CONFIG })
  const server = await serveCli(t, [
    join(cwd, 'biodm.yaml'),
    '--port',
    '0',
    '--workers',
    '2',
    '--database',
    `sqlite:${join(cwd, 'a.db')}`,
  ])
  const [victim = 0] = await childrenOf(server.process.pid ?? 0)
  process.kill(victim, 'SIGSTOP')
  const api = httpClient(server.url, { connection: 'close' })
  const asked = [1, 2, 3, 4].map(() => api.get('/books'))
  await sleep(300)
  process.kill(victim, 'SIGKILL')
  for (const answer of await Promise.all(asked)) t.equal(answer.status, 200)
  t.equal(await server.stop(), 0)
})

t.test('a signal to the whole group lets what runs finish, in every process', async (t) => {
  const plugin = `export default { name: 'slow', hooks: { wait: { stage: 'prefix', async run() {
    await new Promise((resolve) => setTimeout(resolve, 1500))
  } } } }`
  const config = `plugins: { ./slow.js: {} }${CONFIG}    hooks: { write: { prefix: [slow.wait] } }\n`
  const cwd = t.testdir({ 'biodm.yaml': config, 'slow.js': plugin, 'package.json': '{"type":"module"}' })
  const server = await serveCli(t, [
    join(cwd, 'biodm.yaml'),
    '--port',
    '0',
    '--workers',
    '2',
    '--database',
    `sqlite:${join(cwd, 'a.db')}`,
  ])
  const api = httpClient(server.url, { connection: 'close' })
  const asked = [1, 2, 3].map(() => api.post('/books', { title: 'x' }))
  await sleep(500)
  for (const pid of await childrenOf(server.process.pid ?? 0)) {
    process.kill(pid, 'SIGINT')
    process.kill(pid, 'SIGTERM')
  }
  t.equal(await server.stop('SIGINT'), 0)
  for (const answer of await Promise.all(asked)) t.equal(answer.status, 201)
})

t.test('workers that cannot start are exit code 1, a database in memory is refused', async (t) => {
  const cwd = t.testdir({ 'biodm.yaml': CONFIG })
  const memory = await cli(['serve', '--workers', '2', '--database', 'sqlite::memory:'], { cwd })
  t.equal(memory.code, 2)
  t.match(memory.stderr, /in memory/)
  const away = await cli(
    ['serve', '--workers', '2', '--port', '0', '--database', 'postgres://x@127.0.0.1:1/x'],
    { cwd },
  )
  t.equal(away.code, 1)
  t.equal(away.stdout, '')
})
