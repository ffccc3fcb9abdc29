import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { silentLog } from '../../src/log.js'
import { openDatabase } from '../../src/managers/open.js'
import { claimJobs, insertJobs, returnJob } from '../../src/managers/outbox.js'
import { cli, cliHere, serveCli } from '../helpers/cli.js'
import { DIALECTS, databaseSettings, testDatabaseUrl } from '../helpers/databases.js'

const CONFIG = `
name: shelf
database: { url: 'sqlite:shelf.db' }
resources:
  Book:
    columns: { title: string(50)! }
`

t.test('help is there for every command', async (t) => {
  const help = await cliHere(['--help'])
  t.equal(help.code, 0)
  const names = [...help.stdout.matchAll(/^ {2}([\w-]+) (?:\[|<)/gm)].map((match) => match[1] ?? '')
  for (const name of ['serve', 'check', 'migrate', 'openapi', 'init', 'user', 'outbox', 'kc-sync'])
    t.ok(names.includes(name), name)
  for (const name of names.filter((name) => name !== 'help')) {
    const { code, stdout } = await cliHere([name, '--help'])
    t.equal(code, 0, name)
    t.match(stdout, new RegExp(`^Usage: biodm ${name} `))
  }
  t.match(await cliHere(['user', 'add', '--help']), { code: 0, stdout: /--password-stdin/ })
  t.match(await cliHere(['help', 'user']), { code: 0, stdout: /--password-stdin/ })
})

t.test(
  'a command of a plugin helps whatever the configuration, and says which plugin it needs',
  async (t) => {
    const dir = t.testdir({ 'biodm.yaml': CONFIG, 'wrong.yaml': 'resources: { a: [' })
    const user = (file: string, ...more: string[]) =>
      cliHere(['user', 'add', join(dir, file), 'ada', ...more])
    t.match(await user('wrong.yaml', '--help'), { code: 0, stdout: /--group/ })
    t.match(await user('wrong.yaml'), { code: 1, stderr: /wrong.yaml:1:\d+ {2}error/ })
    t.match(await user('biodm.yaml'), { code: 1, stderr: /comes with the plugin `accounts`/ })
    t.match(await user('none.yaml'), { code: 1, stderr: /there is no such file/ })
    const json = await user('biodm.yaml', '--json')
    t.match(JSON.parse(json.stderr), { ok: false, message: /accounts/ })
  },
)

t.test('what is on the command line stands over the file, for check and openapi too', async (t) => {
  const config = join(t.testdir({ 'biodm.yaml': CONFIG }), 'biodm.yaml')
  for (const command of ['check', 'openapi', 'migrate', 'outbox']) {
    const over = ['--host', '127.0.0.2', '--port', '0', '--database', 'sqlite::memory:']
    t.match(await cliHere([command, config, ...over]), { code: 0 }, command)
    t.match(await cliHere([command, config, '--database', 'mysql://x']), { code: 2, stderr: /sqlite:<path>/ })
  }
})

const MISTAKES: readonly (readonly [title: string, args: readonly string[], said: RegExp])[] = [
  ['nothing', [], /Usage: biodm/],
  ['an unknown command', ['sreve'], /unknown command/],
  ['an unknown option', ['serve', '--prot', '1'], /unknown option/],
  ['a bad port', ['serve', '--port', '70000'], /0 to 65535/],
  ['no workers', ['serve', '--workers', '0'], /number from 1/],
  ['too many arguments', ['check', 'a.yaml', 'b.yaml'], /too many arguments/],
]
for (const [title, args, said] of MISTAKES) {
  t.test(`${title} on the command line is exit code 2`, async (t) => {
    const { code, stderr, stdout } = await cliHere(args)
    t.equal(code, 2)
    t.equal(stdout, '')
    t.match(stderr, said)
    t.notMatch(stderr, /^\s+at .*:\d+/m)
  })
}

t.test('init writes a configuration that passes check, and overwrites nothing', async (t) => {
  const file = join(t.testdir(), 'biodm.yaml')
  t.match(await cliHere(['init', file]), { code: 0, stdout: /biodm.yaml written/ })
  t.match(await cliHere(['check', file]), { code: 0, stdout: /GET {4}\/projects\/\{id\}/ })
  const before = readFileSync(file, 'utf8')
  t.match(await cliHere(['init', file]), { code: 1, stderr: /exists/ })
  const json = await cliHere(['init', file, '--json'])
  t.equal(json.code, 1)
  t.match(JSON.parse(json.stderr), { ok: false, message: /exists/ })
  t.equal(readFileSync(file, 'utf8'), before)
})

t.test('check says everything that is wrong at its place', async (t) => {
  const dir = t.testdir({
    'biodm.yaml': 'resources:\n  A:\n    columns: { x: strin }\n    relations: { b: { one: Bee } }\n',
  })
  const { code, stderr, stdout } = await cliHere(['check', join(dir, 'biodm.yaml')])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /biodm.yaml:3:\d+ {2}error/)
  t.match(stderr, /biodm.yaml:4:\d+ {2}error/)
  t.notMatch(stderr, /^\s+at .*:\d+/m)
  const json = await cliHere(['check', join(dir, 'biodm.yaml'), '--json'])
  t.equal(json.code, 1)
  t.match(JSON.parse(json.stderr), { ok: false, problems: [{ line: 3 }, { line: 4 }] })
})

t.test('check in JSON lists routes and hooks', async (t) => {
  const dir = t.testdir({ 'biodm.yaml': CONFIG })
  const { stdout } = await cliHere(['check', '--json', join(dir, 'biodm.yaml')])
  const facts = JSON.parse(stdout)
  t.match(facts, { ok: true, name: 'shelf' })
  const book = facts.resources.find(({ name }: { name: string }) => name === 'Book')
  t.ok(book.routes.includes('GET    /books/{id}'))
})

t.test('migrate tells first, then applies, then has nothing to do', async (t) => {
  const config = join(t.testdir({ 'biodm.yaml': CONFIG }), 'biodm.yaml')
  t.match(await cliHere(['migrate', config, '--dry-run']), { code: 0, stdout: /CREATE TABLE "book"/ })
  t.match(await cliHere(['migrate', config]), { code: 0, stdout: /create table book/ })
  t.match(await cliHere(['migrate', config]), { code: 0, stdout: /as the configuration says/ })
})

t.test('migrate refuses what loses data unless it is allowed', async (t) => {
  const dir = t.testdir({
    'biodm.yaml': CONFIG,
    'less.yaml': CONFIG.replace('title: string(50)!', 'name: string(5)'),
  })
  await cliHere(['migrate', join(dir, 'biodm.yaml')])
  const less = join(dir, 'less.yaml')
  for (const args of [['--dry-run'], []]) {
    t.match(await cliHere(['migrate', less, ...args]), { code: 1, stderr: /may lose data/ })
  }
  t.match(await cliHere(['migrate', less, '--allow-destructive']), { code: 0 })
})

t.test('what the rows do not allow is exit code 1, of a dry run too', async (t) => {
  const dir = t.testdir({
    'biodm.yaml': CONFIG,
    'unique.yaml': CONFIG.replace('string(50)!', '{ type: string(50), unique: true }'),
  })
  await cliHere(['migrate', join(dir, 'biodm.yaml')])
  const books = new Sqlite(join(dir, 'shelf.db'))
  books.exec(`INSERT INTO book (title) VALUES ('same'), ('same')`)
  books.close()
  for (const args of [['--dry-run'], [], ['--allow-destructive']]) {
    const migrated = await cliHere(['migrate', join(dir, 'unique.yaml'), ...args])
    t.match(migrated, { code: 1, stderr: /book has rows with the same title/ })
  }
})

t.test('the outbox is listed, and what only looks makes no database', async (t) => {
  const dir = t.testdir({ 'biodm.yaml': CONFIG })
  const config = join(dir, 'biodm.yaml')
  t.match(await cliHere(['migrate', config, '--dry-run']), { code: 0, stdout: /CREATE TABLE "book"/ })
  t.match(await cliHere(['outbox', config]), { code: 0, stdout: 'Nothing waits.\n' })
  t.match(await cliHere(['outbox', config, '--json']), { code: 0, stdout: '[]\n' })
  t.match(await cliHere(['outbox', config, '--retry']), { code: 0, stdout: '0 due now\n' })
  t.same(readdirSync(dir), ['biodm.yaml'])
})

const FILES = `
name: files
database: { url: 'sqlite:files.db' }
auth: off
plugins: { s3: { endpoint: 'file:objects', bucket: b } }
resources:
  File: { traits: [s3.file] }
`

for (const dialect of DIALECTS) {
  t.test(
    `${dialect}: what would be cleaned up is shown of a database that is there, and none is made`,
    async (t) => {
      const dir = t.testdir({ 'biodm.yaml': FILES })
      const config = join(dir, 'biodm.yaml')
      const url = await testDatabaseUrl(t, dialect, { file: true })
      const gc = (...args: string[]) => cliHere(['uploads', 'gc', config, ...args])
      for (const args of [
        ['uploads', 'gc', config, '--dry-run'],
        ['can', config, '-', 'read', '/files'],
      ])
        t.match(await cliHere(args), { code: 1, stdout: '', stderr: /there is no database .*files\.db/ })
      t.same(readdirSync(dir), ['biodm.yaml'])
      const refused = await gc('--dry-run', '--database', url)
      t.match(refused, { code: 1, stderr: dialect === 'sqlite' ? /no database/ : /`biodm migrate` does/ })
      t.match(await cliHere(['migrate', config, '--database', url, '--dry-run']), {
        stdout: /"biodm_upload"/,
      })
      t.equal((await cliHere(['migrate', config, '--database', url])).code, 0)
      t.match(await gc('--dry-run', '--database', url), { code: 0, stdout: 'nothing to do\n' })
      t.same(readdirSync(dir), ['biodm.yaml'])
      t.match(await gc('--database', url), { code: 0 })
    },
  )
}

for (const dialect of DIALECTS) {
  t.test(`${dialect}: what waits in the outbox is told by its state, and made due again`, async (t) => {
    const config = join(t.testdir({ 'biodm.yaml': CONFIG }), 'biodm.yaml')
    const url = await testDatabaseUrl(t, dialect, { file: true })
    const outbox = (...args: string[]) => cliHere(['outbox', config, '--database', url, ...args])
    t.match(await outbox(), { code: 0, stdout: 'Nothing waits.\n' }, 'before there is a table')
    t.match(await outbox('--retry'), { code: 0, stdout: '0 due now\n' })
    const dryRun = await cliHere(['migrate', config, '--database', url, '--dry-run'])
    t.match(dryRun, { code: 0, stdout: /CREATE TABLE "biodm_outbox"/ }, 'none has been made')
    t.equal((await cliHere(['migrate', config, '--database', url])).code, 0)
    const database = await openDatabase(databaseSettings(url), { log: silentLog(), timeoutMs: 10_000 })
    t.teardown(() => database.close())
    const jobs = ['queue.plain', 'queue.failed', 'queue.dead', 'queue.busy']
    await insertJobs(
      database,
      jobs.map((job) => ({ job, payload: '{"n":1}' })),
    )
    const later = Date.now() + 3_600_000
    await claimJobs(database, 'a', -1_000, 4)
    await returnJob(database, 1, { runAt: Date.now(), error: null, attempts: 0 }, 'a')
    await returnJob(database, 2, { runAt: later, error: 'no bus', attempts: 3 }, 'a')
    await database.write({
      text: `UPDATE biodm_outbox SET leased_until = '${new Date(later).toISOString()}' WHERE id = 4`,
      values: [],
    })
    const lines = (await outbox()).stdout.trim().split('\n')
    t.match(lines, [
      /^1 {2}queue\.plain {2}waiting {2}due /,
      /^2 {2}queue\.failed {2}failed 3 times {2}due .* {2}no bus$/,
      /^3 {2}queue\.dead {2}waiting/,
      /^4 {2}queue\.busy {2}running/,
    ])
    t.match(JSON.parse((await outbox('--json')).stdout)[1], { id: 2, job: 'queue.failed', payload: { n: 1 } })
    t.equal((await outbox('--limit', '1')).stdout.trim().split('\n').length, 1)
    t.match(await outbox('--retry', '2,4,99'), { code: 0, stdout: '1 due now\n' }, 'not what runs')
    const due = JSON.parse((await outbox('--json')).stdout)[1].runAt
    t.ok(Date.parse(due) <= Date.now())
    t.match(await outbox('--retry', '--json'), { code: 0, stdout: '{"retried":3}\n' })
    t.equal((await outbox('--retry', 'x')).code, 2)
  })
}

t.test('a taken port is one line and exit code 1', async (t) => {
  const cwd = t.testdir({ 'biodm.yaml': CONFIG })
  const blocker = createServer()
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
  t.teardown(() => blocker.close())
  const { port } = blocker.address() as { port: number }
  const { code, stderr } = await cli(['serve', '--port', String(port)], { cwd })
  t.equal(code, 1)
  t.match(stderr, /is taken: choose another one with --port/)
  t.notMatch(stderr, /^\s+at .*:\d+/m)
})

t.test('an unreachable database is said and exit code 1', async (t) => {
  const cwd = t.testdir({ 'biodm.yaml': CONFIG })
  const { code, stderr } = await cli(['serve', '--database', 'postgres://x:secretword@127.0.0.1:1/x'], {
    cwd,
  })
  t.equal(code, 1)
  t.notMatch(stderr, /secretword/)
  t.notMatch(stderr, /^\s+at .*:\d+/m)
})

t.test('serve answers at once, says so in one line, and stops on a signal', async (t) => {
  const cwd = t.testdir({ 'biodm.yaml': CONFIG })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const server = await serveCli(t, ['--port', '0'], { cwd })
    t.equal((await fetch(`${server.url}/books`)).status, 200)
    t.equal(await server.stop(signal), 0)
    t.equal(server.output().stdout, `biodm listening on ${server.url}\n`)
  }
})

t.test('logs are JSON lines on stderr without anything secret', async (t) => {
  const cwd = t.testdir({ 'biodm.yaml': CONFIG })
  const server = await serveCli(t, ['--port', '0'], { cwd, env: { BIODM_LOG_LEVEL: 'trace' } })
  await fetch(`${server.url}/books`, {
    method: 'POST',
    headers: { authorization: 'Bearer sesame' },
    body: '{"title":"sesame","password":"sesame"}',
  })
  await server.stop()
  const lines = server.output().stderr.trim().split('\n')
  for (const line of lines) t.type(JSON.parse(line).level, 'number')
  t.notMatch(server.output().stderr, /sesame/)
})
