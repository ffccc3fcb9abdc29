/** kill -9 between commit and job: every job at least once, none of a request that was rolled back (spec: Plugins). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import pg from 'pg'
import t from 'tap'
import { httpClient } from '../helpers/api.js'
import { serveCli } from '../helpers/cli.js'
import { DIALECTS, testDatabaseUrl } from '../helpers/databases.js'

const CONFIG = `
plugins:
  ./queue.js: {}
resources:
  Thing:
    columns: { name: string(50)! }
    hooks: { write: { postfix: [queue.enqueue] } }
`
const PLUGIN = `
import { appendFileSync } from 'node:fs'
import { definePlugin } from 'biodm'
export default definePlugin({
  name: 'queue',
  hooks: {
    enqueue: {
      stage: 'postfix',
      async run(ctx) {
        for (const { row } of ctx.items) {
          await ctx.enqueue('queue.note', row.name)
          if (row.name.startsWith('bad')) throw new Error('rolled back')
        }
      },
    },
  },
  jobs: {
    note: async (name) => {
      await new Promise((resolve) => setTimeout(resolve, 3))
      appendFileSync(new URL('./done.txt', import.meta.url), name + '\\n')
    },
  },
})
`
/** More of them, once: BIODM_KILLS=100. */
const KILLS = Number(process.env['BIODM_KILLS'] ?? 5)
const LEASES = 'UPDATE biodm_outbox SET leased_until = NULL, leased_by = NULL'

async function endLeases(database: string): Promise<void> {
  if (database.startsWith('sqlite:')) {
    const db = new Sqlite(database.slice('sqlite:'.length))
    db.exec(LEASES)
    db.close()
    return
  }
  const client = new pg.Client(database)
  await client.connect()
  await client.query(LEASES)
  await client.end()
}

for (const dialect of DIALECTS) {
  t.test(`jobs survive a killed server on ${dialect}`, { timeout: 30_000 + KILLS * 5_000 }, async (t) => {
    const cwd = t.testdir({ 'biodm.yaml': CONFIG, 'queue.js': PLUGIN, 'done.txt': '' })
    const database = await testDatabaseUrl(t, dialect, { file: true })
    const args = [join(cwd, 'biodm.yaml'), '--port', '0', '--database', database]
    const done = (): Set<string> => new Set(readFileSync(join(cwd, 'done.txt'), 'utf8').split('\n'))
    const acknowledged: string[] = []

    for (let kill = 0; kill < KILLS; kill += 1) {
      const server = await serveCli(t, args)
      const api = httpClient(server.url)
      const write = async (name: string): Promise<void> => {
        const answer = await api.post('/things', { name }).catch(() => null)
        if (answer?.status === 201) acknowledged.push(name)
      }
      const names = Array.from({ length: 20 }, (_, n) => `${n % 4 === 3 ? 'bad' : 'good'} ${kill}-${n}`)
      const writes = names.map(write)
      await Promise.race([...writes, sleep(2_000)])
      await sleep(kill % 10)
      await server.stop('SIGKILL')
      await Promise.all(writes)
    }

    await endLeases(database)
    const server = await serveCli(t, args)
    const api = httpClient(server.url)
    const { body } = await api.get('/things?fields=name&end=1000')
    const stored: string[] = body.map(({ name }: { name: string }) => name)
    const lacking = (): string[] => stored.filter((name) => !done().has(name))
    // A job has done its work a moment before its row is taken away.
    const waiting = async (): Promise<string> =>
      /biodm_outbox_rows\{state="waiting"\} \d+/.exec((await api.get('/metrics')).body)?.[0] ?? ''
    const NONE = 'biodm_outbox_rows{state="waiting"} 0'
    for (let n = 0; n < 400 && (lacking().length > 0 || (await waiting()) !== NONE); n += 1) await sleep(25)

    t.ok(acknowledged.length >= KILLS)
    t.same(
      acknowledged.filter((name) => !stored.includes(name)),
      [],
      'what was answered is stored',
    )
    t.same(lacking(), [], 'what is stored has had its job')
    t.same(
      [...done()].filter((name) => name.startsWith('bad')),
      [],
      'what was rolled back has had none',
    )
    t.equal(await waiting(), NONE)
    t.equal(await server.stop(), 0)
  })
}
