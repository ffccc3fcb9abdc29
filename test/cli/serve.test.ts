/** `serve --watch` and `serve --workers`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { httpClient } from '../helpers/api.js'
import { cli, type ServingCli, serveCli } from '../helpers/cli.js'
import { DIALECTS, testDatabaseUrl } from '../helpers/databases.js'

const CONFIG = `
resources:
  Book:
    columns: { title: string(50)! }
`
const MORE = `${CONFIG}  Shelf:
    columns: { name: string(50)! }
`

async function until(condition: () => Promise<boolean>, limitMs = 15_000): Promise<boolean> {
  const end = Date.now() + limitMs
  while (Date.now() < end) {
    if (await condition()) return true
    await sleep(50)
  }
  return false
}

const says = (server: ServingCli, text: RegExp) => until(async () => text.test(server.output().stderr))

t.test(
  'a changed configuration is swapped in without a dropped request, a wrong one is told and left',
  async (t) => {
    const cwd = t.testdir({ 'biodm.yaml': CONFIG })
    const file = join(cwd, 'biodm.yaml')
    const server = await serveCli(t, [
      file,
      '--port',
      '0',
      '--watch',
      '--database',
      `sqlite:${join(cwd, 'a.db')}`,
    ])
    const api = httpClient(server.url)
    const failures: unknown[] = []
    let running = true
    let answered = 0
    const load = async (): Promise<void> => {
      while (running) {
        const answer = await api.post('/books', { title: 'x' }).catch((error: unknown) => error)
        answered += 1
        if ((answer as { status?: number }).status !== 201) failures.push(answer)
      }
    }
    const clients = Array.from({ length: 3 }, load)
    t.equal((await api.get('/shelfs')).status, 404)
    writeFileSync(file, MORE)
    t.ok(await until(async () => (await api.get('/shelfs')).status === 200), 'the new resource is served')
    writeFileSync(file, MORE.replace('string(50)!', 'strin(50)!'))
    t.ok(await says(server, /biodm.yaml:4:\d+ {2}error/), 'the fault is told at its place')
    t.ok(await says(server, /old one stays/))
    t.equal((await api.get('/shelfs')).status, 200)
    writeFileSync(file, CONFIG)
    t.ok(await until(async () => (await api.get('/shelfs')).status === 404), 'and back')
    running = false
    await Promise.all(clients)
    t.same(failures, [])
    t.ok(answered > 10)
    t.equal(await server.stop(), 0)
  },
)

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
    t.equal(await server.stop(), 0)
    for (const pid of workers) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })
}

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

async function childrenOf(pid: number): Promise<readonly number[]> {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim() === '' ? [] : text.trim().split(' ').map(Number)
}
