import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { silentLog } from '../../src/log.js'
import type { Database } from '../../src/managers/database.js'
import { openDatabase } from '../../src/managers/open.js'
import { sql } from '../../src/managers/sql.js'
import { DIALECTS, databaseSettings, openTestDatabase } from '../helpers/databases.js'
import { startPostgres } from '../helpers/embedded-postgres.mjs'

const build = sql('postgres')
const ONE = { text: 'SELECT 1 AS one', values: [], point: true }

/** The code of what a promise rejects with, or `ok`. */
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: { code?: string }) => String(error.code),
  )

if (DIALECTS.includes('postgres')) {
  t.test('a slow statement is a timeout, and the connections go on working', async (t) => {
    const database = await openTestDatabase(t, 'postgres', { timeoutMs: 200 })
    const slow = { text: 'SELECT pg_sleep(5)', values: [] }
    t.equal(await outcome(database.query(slow)), 'timeout')
    t.equal(await outcome(database.write(slow)), 'timeout')
    t.equal(await outcome(database.transaction((trx) => trx.query(slow))), 'timeout')
    t.same(await database.query(ONE), [[1]])
  })

  t.test('an aborted signal cancels the statement that is running', async (t) => {
    const database = await openTestDatabase(t, 'postgres')
    const controller = new AbortController()
    const began = performance.now()
    const running = database.transaction((trx) => trx.query({ text: 'SELECT pg_sleep(20)', values: [] }), {
      signal: controller.signal,
    })
    setTimeout(() => controller.abort(), 100)
    await t.rejects(running)
    t.ok(performance.now() - began < 5_000)
    t.same(await database.query(ONE), [[1]])
  })

  t.test('transactions that lock each other out both end, and no update is lost', async (t) => {
    const database = await openTestDatabase(t, 'postgres')
    await database.write(build`CREATE TABLE "a" ("id" integer PRIMARY KEY, "n" integer NOT NULL)`)
    await database.write(build`INSERT INTO "a" VALUES (1, 0), (2, 0)`)
    const both = (first: number, second: number) =>
      database.transaction(async (trx) => {
        await trx.query(build`UPDATE "a" SET "n" = "n" + 1 WHERE "id" = ${first}`)
        await wait(50)
        await trx.query(build`UPDATE "a" SET "n" = "n" + 1 WHERE "id" = ${second}`)
      })
    await Promise.all([both(1, 2), both(2, 1)])
    t.same(await database.query(build`SELECT "n" FROM "a" ORDER BY "id"`), [[2], [2]])
  })

  t.test('a write that waits for a lock holds up no read', async (t) => {
    const database = await openTestDatabase(t, 'postgres')
    await database.write(build`CREATE TABLE "a" ("id" integer PRIMARY KEY, "n" integer NOT NULL)`)
    await database.write(build`INSERT INTO "a" VALUES (1, 0)`)
    let waiting: Promise<unknown> = Promise.resolve()
    await database.transaction(async (trx) => {
      await trx.query(build`UPDATE "a" SET "n" = 5`)
      waiting = Promise.all([1, 2, 3].map(() => database.write(build`UPDATE "a" SET "n" = "n" + 1`)))
      await wait(20)
      const began = performance.now()
      for (let i = 0; i < 4; i++) t.same(await database.query(ONE), [[1]])
      t.ok(performance.now() - began < 1_500)
    })
    await waiting
    t.same(await database.query(build`SELECT "n" FROM "a"`), [[8]])
  })

  t.test('a sequence without numbers is a full storage', async (t) => {
    const database = await openTestDatabase(t, 'postgres')
    await database.write(build`CREATE SEQUENCE "s" MAXVALUE 2`)
    const next = build`SELECT nextval('s')`
    t.equal(await outcome(database.write(next)), 'ok')
    t.equal(await outcome(database.write(next)), 'ok')
    t.equal(await outcome(database.write(next)), 'storage_full')
  })

  t.test('a prepared statement that a migration made stale is prepared again', async (t) => {
    const database = await openTestDatabase(t, 'postgres', { pool: 1 })
    await database.write(build`CREATE TABLE "a" ("n" integer)`)
    const read = { text: 'SELECT * FROM "a"', values: [], name: 'stale' }
    for (const point of [true, false]) {
      await database.query({ ...read, point })
      await database.query({ ...read, point })
      await database.write(build`ALTER TABLE "a" ADD COLUMN ${build.name(point ? 'm' : 'o')} integer`)
      t.same(await database.query({ ...read, point }), [])
    }
  })

  t.test('connections that are killed are replaced', async (t) => {
    const database = await openTestDatabase(t, 'postgres', { pool: 3 })
    const kill = async () => {
      const killer = new pg.Client({ connectionString: await urlOf(database) })
      await killer.connect()
      await killer.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`)
      await killer.end()
    }
    await Promise.all(Array.from({ length: 20 }, () => database.query(ONE)))
    await Promise.all([1, 2, 3].map(() => database.transaction((trx) => trx.query(ONE))))
    await kill()
    const answers = await Promise.all([
      ...Array.from({ length: 10 }, () => outcome(database.query(ONE))),
      ...Array.from({ length: 3 }, () => outcome(database.transaction((trx) => trx.query(ONE)))),
    ])
    t.same(
      answers,
      Array.from({ length: 13 }, () => 'ok'),
    )
  })

  t.test('a server that restarts under load is unavailable meanwhile and answers soon after', async (t) => {
    const server = await startPostgres()
    t.teardown(() => server.stop())
    const database = await openDatabase(databaseSettings(server.url, 4), {
      log: silentLog(),
      timeoutMs: 5_000,
    })
    t.teardown(() => database.close())
    await database.write(build`CREATE TABLE "a" ("id" integer PRIMARY KEY)`)
    let id = 0
    let stop = false
    const acknowledged: number[] = []
    const seen = new Set<string>()
    const load = async (send: (id: number) => Promise<unknown>) => {
      while (!stop) {
        const mine = ++id
        const answer = await outcome(send(mine))
        seen.add(answer)
        if (answer === 'ok') acknowledged.push(mine)
        else await wait(20)
      }
    }
    const insert = (value: number) => build`INSERT INTO "a" VALUES (${value})`
    const workers = [
      load((value) => database.write(insert(value))),
      load((value) => database.write(insert(value))),
      load((value) => database.transaction((trx) => trx.query(insert(value)))),
      load((value) => database.transaction((trx) => trx.query(insert(value)))),
    ]
    await wait(300)
    await server.pause()
    await wait(300)
    t.equal(await outcome(database.query(ONE)), 'unavailable')
    t.equal(await outcome(database.ping()), 'unavailable')
    await server.resume()
    const back = performance.now()
    while ((await outcome(database.query(ONE))) !== 'ok' && performance.now() - back < 5_000) await wait(50)
    t.equal(await outcome(database.ping()), 'ok')
    await wait(300)
    stop = true
    await Promise.all(workers)
    t.same([...seen].sort(), ['ok', 'unavailable'])
    const stored = new Set((await database.query(build`SELECT "id" FROM "a"`)).map((row) => row[0]))
    t.same(
      acknowledged.filter((value) => !stored.has(value)),
      [],
      'what was acknowledged is there',
    )
  })
}

if (DIALECTS.includes('sqlite')) {
  t.test('a full SQLite file is a full storage, and reads go on', async (t) => {
    const database = await openTestDatabase(t, 'sqlite', { file: true })
    await database.write({ text: 'CREATE TABLE "a" ("t" TEXT) STRICT', values: [] })
    await database.write({ text: 'PRAGMA max_page_count = 20', values: [] })
    const big = { text: 'INSERT INTO "a" VALUES (?)', values: ['x'.repeat(200_000)] }
    t.equal(await outcome(database.write(big)), 'storage_full')
    t.equal(await outcome(database.transaction((trx) => trx.query(big))), 'storage_full')
    t.same(await database.query({ text: 'SELECT count(*) FROM "a"', values: [] }), [[0]])
    await database.write({ text: `INSERT INTO "a" VALUES ('small')`, values: [] })
  })

  t.test('keys without numbers are a full storage', async (t) => {
    const database = await openTestDatabase(t, 'sqlite')
    await database.write({
      text: 'CREATE TABLE "a" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "t" TEXT) STRICT',
      values: [],
    })
    await database.write({ text: `INSERT INTO "a" VALUES (9223372036854775807, 'x')`, values: [] })
    t.equal(
      await outcome(database.write({ text: `INSERT INTO "a" ("t") VALUES ('y')`, values: [] })),
      'storage_full',
    )
  })

  t.test('a slow wildcard is stopped at the time limit', async (t) => {
    const database = await openTestDatabase(t, 'sqlite', { timeoutMs: 50 })
    const slow = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000000)
      SELECT count(*) FROM n WHERE biodm_matches(CAST(i AS TEXT), '["a",""]')`
    const began = performance.now()
    t.equal(await outcome(database.query({ text: slow, values: [] })), 'timeout')
    t.ok(performance.now() - began < 3_000)
  })

  t.test('two processes write to one file in turn', async (t) => {
    const one = await openTestDatabase(t, 'sqlite', { file: true })
    const [row] = await one.query({ text: 'PRAGMA database_list', values: [] })
    const two = await openDatabase(databaseSettings(`sqlite:${row?.[2]}`), {
      log: silentLog(),
      timeoutMs: 5_000,
    })
    t.teardown(() => two.close())
    await one.write({ text: 'CREATE TABLE "a" ("n" INTEGER NOT NULL) STRICT', values: [] })
    await one.write({ text: 'INSERT INTO "a" VALUES (0)', values: [] })
    const add = (database: Database) =>
      database.transaction(async (trx) => {
        const [before] = await trx.query({ text: 'SELECT "n" FROM "a"', values: [] })
        await wait(1)
        await trx.query({ text: 'UPDATE "a" SET "n" = ?', values: [Number(before?.[0]) + 1] })
      })
    await Promise.all(Array.from({ length: 40 }, (_, index) => add(index % 2 === 0 ? one : two)))
    t.same(await two.query({ text: 'SELECT "n" FROM "a"', values: [] }), [[40]])
  })
}

/** Where a database was opened: its name on the test server. */
async function urlOf(database: Database): Promise<string> {
  const [row] = await database.query(build`SELECT current_database(), inet_server_port()`)
  return `postgres://postgres:postgres@127.0.0.1:${row?.[1]}/${row?.[0]}`
}
