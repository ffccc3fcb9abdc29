/** `biodm serve` as a process of its own while its surroundings fail (spec: Reliability). */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { httpClient } from '../helpers/api.js'
import { serveCli } from '../helpers/cli.js'
import { DIALECTS, type Teardown, testDatabaseUrl } from '../helpers/databases.js'
import { startPostgres } from '../helpers/embedded-postgres.mjs'

const CONFIG = `
name: lab
auth: off
server: { timeout: 20s }
database: { pool: { max: 4 } }
resources:
  Note:
    columns: { text: text }
    relations: { lines: { many: Line } }
  Line:
    columns: { text: text }
    relations: { note: { one: Note, required: true, on_delete: cascade } }
`

async function serve(t: Teardown & { testdir(files: Record<string, string>): string }, database: string) {
  const config = join(t.testdir({ 'biodm.yaml': CONFIG }), 'biodm.yaml')
  const server = await serveCli(t, [config, '--port', '0', '--database', database], {
    env: { BIODM_LOG_LEVEL: 'error' },
  })
  return { ...server, api: httpClient(server.url) }
}

/** A small disk; null where one may not be made. */
function smallDisk(t: Teardown, size: string): string | null {
  const dir = mkdtempSync(join(tmpdir(), 'biodm-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', dir], { stdio: 'ignore' })
  } catch {
    rmSync(dir, { recursive: true })
    return null
  }
  t.teardown(() => {
    execFileSync('umount', ['-l', dir])
    rmSync(dir, { recursive: true })
  })
  return dir
}

if (DIALECTS.includes('postgres')) {
  t.test('PostgreSQL restarts under load', async (t) => {
    const database = await startPostgres()
    t.teardown(() => database.stop())
    const { api, stop } = await serve(t, database.url)
    const acknowledged: number[] = []
    const statuses = new Set<number>()
    let running = true
    const requests = [
      () => api.post('/notes', { text: 'x', lines: [{ text: 'y' }] }),
      () => api.post('/notes', { text: 'x' }),
      () => api.get('/notes?end=5'),
      () => api.get('/notes/1'),
    ]
    const load = [...requests, ...requests].map(async (request) => {
      while (running) {
        const { status, body } = await request()
        statuses.add(status)
        if (status === 201) acknowledged.push(body.id)
        if (status >= 500) await sleep(20)
      }
    })
    await sleep(500)
    await database.pause()
    t.match(await api.get('/notes/1'), { status: 503, headers: { 'retry-after': /\d/ } })
    t.match(await api.post('/notes', { text: 'x' }), { status: 503 })
    t.match(await api.get('/ready'), { status: 503, body: { database: false } })
    t.equal((await api.get('/live')).status, 200)
    t.equal((await api.post('/notes', '{')).status, 400)
    await sleep(500)
    await database.resume()
    const back = performance.now()
    for (const request of requests) while ((await request()).status >= 400) await sleep(50)
    t.ok(performance.now() - back < 5_000, 'all is well again within 5 s')
    await sleep(500)
    running = false
    await Promise.all(load)
    t.same(
      [...statuses].sort(),
      [200, 201, 404, 503].filter((status) => statuses.has(status)),
    )
    const client = new pg.Client(database.url)
    await client.connect()
    const stored = new Set((await client.query('SELECT id FROM note')).rows.map(({ id }) => id))
    await client.end()
    t.ok(acknowledged.length > 10)
    t.same(
      acknowledged.filter((id) => !stored.has(id)),
      [],
    )
    t.equal(await stop(), 0)
  })

  t.test('PostgreSQL with a full disk', async (t) => {
    const disk = smallDisk(t, '24m')
    if (disk === null) return t.comment('no file system can be mounted here')
    const database = await startPostgres()
    t.teardown(() => database.stop())
    const folder = join(disk, 'rows')
    execFileSync('install', ['-d', '-o', 'postgres', folder])
    execFileSync('chmod', ['755', disk])
    const admin = new pg.Client(database.url)
    await admin.connect()
    await admin.query(`CREATE TABLESPACE small LOCATION '${folder}'`)
    await admin.query('CREATE DATABASE small TABLESPACE small')
    await admin.end()
    const { api, stop } = await serve(t, database.url.replace(/postgres$/, 'small'))
    // What is random cannot be compressed.
    const note = () => ({ text: randomBytes(400_000).toString('base64'), lines: [{ text: 'y' }] })
    const statuses: number[] = []
    for (let n = 0; n < 60 && statuses.at(-1) !== 507; n += 1) {
      statuses.push((await api.post('/notes', note())).status)
    }
    t.equal(statuses.at(-1), 507, statuses.join())
    t.ok(statuses.slice(0, -1).every((status) => status === 201))
    t.match(await api.post('/notes', [note(), note()]), { status: 507, body: { code: 'storage_full' } })
    const { status, headers } = await api.get('/notes?count=true&fields=id')
    t.match({ status, total: headers['x-total-count'] }, { status: 200, total: String(statuses.length - 1) })
    t.equal((await api.get('/ready')).status, 200)
    t.equal(await stop(), 0)
  })

  t.test('with the pool exhausted /live answers in 50 ms', async (t) => {
    const url = await testDatabaseUrl(t, 'postgres')
    const { api } = await serve(t, url)
    await api.post('/notes', { text: 'x' })
    const blocker = new pg.Client(url)
    await blocker.connect()
    t.teardown(() => blocker.end())
    await blocker.query('BEGIN; LOCK TABLE note IN ACCESS EXCLUSIVE MODE')
    const stuck = Array.from({ length: 4 }, () => api.get('/notes'))
    await sleep(200)
    const started = performance.now()
    const refused = Array.from({ length: 50 }, async () => {
      const { status } = await api.get('/lines')
      return { status, ms: performance.now() - started }
    })
    const times: number[] = []
    for (let n = 0; n < 20; n += 1) {
      const asked = performance.now()
      t.equal((await api.get('/live')).status, 200)
      times.push(performance.now() - asked)
      await sleep(20)
    }
    times.sort((a, b) => a - b)
    t.ok((times[10] ?? 1_000) < 50, `/live in ${times.map(Math.round).join(' ')} ms`)
    for (const { status, ms } of await Promise.all(refused)) {
      t.equal(status, 503)
      t.ok(ms < 3_000, `refused after ${Math.round(ms)} ms`)
    }
    await blocker.query('ROLLBACK')
    for (const { status } of await Promise.all(stuck)) t.equal(status, 200)
  })
}

if (DIALECTS.includes('sqlite')) {
  t.test('a full disk is 507; reads go on, and so does everything once there is room', async (t) => {
    const disk = smallDisk(t, '4m')
    if (disk === null) return t.comment('no file system can be mounted here')
    const ballast = join(disk, 'ballast')
    execFileSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=1M', 'count=2'], { stdio: 'ignore' })
    const { api, stop } = await serve(t, `sqlite:${join(disk, 'lab.db')}`)
    const note = { text: 'x'.repeat(100_000), lines: [{ text: 'y' }] }
    const statuses: number[] = []
    for (let n = 0; n < 40 && statuses.at(-1) !== 507; n += 1) {
      statuses.push((await api.post('/notes', note)).status)
    }
    t.equal(statuses.at(-1), 507, statuses.join())
    t.ok(statuses.slice(0, -1).every((status) => status === 201))
    t.match(await api.post('/notes', note), { status: 507, body: { code: 'storage_full' } })
    const { status, headers } = await api.get('/notes?count=true&fields=id')
    t.match({ status, total: headers['x-total-count'] }, { status: 200, total: String(statuses.length - 1) })
    t.equal((await api.get('/live')).status, 200)
    rmSync(ballast)
    t.equal((await api.post('/notes', note)).status, 201)
    t.equal(await stop(), 0)
  })

  t.test('fifty bodies of ten megabytes at once take a bounded memory', async (t) => {
    const { api, process } = await serve(t, 'sqlite::memory:')
    const peak = (): number => {
      const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))
      return Number(line?.[1] ?? 0) / 1024
    }
    await api.post('/notes', { text: 'x' })
    // Right in its form, refused by the plan after it was read and parsed: nothing of it stays in the database.
    const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(10 * 1024 * 1024 - 100), id: 0.5 }))
    const before = peak()
    const answers = await Promise.all(Array.from({ length: 50 }, () => api.post('/notes', body)))
    const statuses = new Set(answers.map(({ status }) => status))
    t.same(
      [...statuses].filter((status) => ![400, 503].includes(status)),
      [],
    )
    t.ok(statuses.has(400))
    const grown = peak() - before
    t.ok(grown < 400, `${Math.round(grown)} MB more`)
    t.equal((await api.get('/live')).status, 200)
  })
}
