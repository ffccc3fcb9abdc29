import t from 'tap'
import { BiodmError } from '../../src/errors.js'
import { type Database, RetryTransaction } from '../../src/managers/database.js'
import { sql } from '../../src/managers/sql.js'
import { DIALECTS, openTestDatabase } from '../helpers/databases.js'

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function withTable(database: Database): Promise<void> {
  const strict = database.dialect === 'sqlite' ? ' STRICT' : ''
  const run = (text: string) => database.write({ text, values: [] })
  await run(`CREATE TABLE "parent" ("id" INTEGER PRIMARY KEY, "name" TEXT NOT NULL UNIQUE)${strict}`)
  await run(
    `CREATE TABLE "child" ("id" INTEGER PRIMARY KEY, "parent_id" INTEGER REFERENCES "parent")${strict}`,
  )
}

for (const dialect of DIALECTS) {
  const statement = sql(dialect)
  const insert = (id: number, name: string) =>
    statement`INSERT INTO "parent" ("id", "name") VALUES (${id}, ${name}) RETURNING "id"`
  const count = statement`SELECT count(*) AS n FROM "parent"`

  t.test(`${dialect}: single statements give arrays, objects or a count of rows`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await withTable(database)
    t.same(await database.write(insert(1, 'a')), [[1]])
    t.same(await database.query(statement`SELECT "id", "name" FROM "parent"`), [[1, 'a']])
    t.same(
      await database.rows({
        ...statement`SELECT "id", "name" FROM "parent"`,
        text: 'SELECT "id", "name" FROM "parent"',
        point: true,
      }),
      [{ id: 1, name: 'a' }],
    )
    t.equal(await database.execute(statement`UPDATE "parent" SET "name" = ${'b'}`), 1)
    await database.ping()
  })

  t.test(`${dialect}: a keyed transaction finds rows by index although the table is small`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await withTable(database)
    await database.write(insert(1, 'a'))
    const text = `${dialect === 'postgres' ? 'EXPLAIN' : 'EXPLAIN QUERY PLAN'} SELECT * FROM "parent" WHERE "id" = 1`
    const plan = await database.transaction((trx) => trx.query({ text, values: [] }), { keyed: true })
    t.match(JSON.stringify(plan), dialect === 'postgres' ? /Index Scan/ : /USING INTEGER PRIMARY KEY/)
    if (dialect === 'sqlite') return
    const setting = await database.query({ text: 'SHOW enable_seqscan', values: [] })
    t.same(setting, [['on']], 'nothing of it stays on the connection')
  })

  t.test(
    `${dialect}: a transaction commits when its function ends and rolls back when it throws`,
    async (t) => {
      const database = await openTestDatabase(t, dialect)
      await withTable(database)
      const seen = await database.transaction(async (trx) => {
        await trx.query(insert(1, 'a'))
        return trx.query(count)
      })
      t.same(seen, [[1]])
      await t.rejects(
        database.transaction(async (trx) => {
          await trx.query(insert(2, 'b'))
          throw new Error('no')
        }),
        { message: 'no' },
      )
      t.same(await database.query(count), [[1]])
    },
  )

  t.test(`${dialect}: a swallowed failure does not commit silently`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await withTable(database)
    const attempt = database.transaction(async (trx) => {
      await trx.query(insert(1, 'a'))
      await trx.query(insert(1, 'a')).catch(() => undefined)
    })
    if (dialect === 'postgres') await t.rejects(attempt)
    else await attempt
    t.same(await database.query(count), dialect === 'postgres' ? [[0]] : [[1]])
  })

  t.test(`${dialect}: statements sent with one that fails tell its failure`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await withTable(database)
    await database.write(insert(1, 'a'))
    let codes: unknown[] = []
    await database
      .transaction(async (trx) => {
        const outcomes = await Promise.allSettled([trx.query(insert(1, 'b')), trx.query(count)])
        codes = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
      })
      .catch(() => undefined)
    t.ok(codes.length > 0)
    t.ok(codes.every((code) => code === 'unique_violation'))
    await t.rejects(
      database.transaction((trx) =>
        Promise.all([trx.query(count), trx.query(insert(1, 'b')), trx.query(count)]),
      ),
      { code: 'unique_violation' },
    )
  })

  t.test(`${dialect}: constraint violations have codes of their own`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await withTable(database)
    await database.write(insert(1, 'a'))
    await database.write(statement`INSERT INTO "child" ("id", "parent_id") VALUES (${1}, ${1})`)
    const cases = [
      [insert(2, 'a'), 'unique_violation'],
      [insert(1, 'b'), 'unique_violation'],
      [statement`INSERT INTO "child" ("id", "parent_id") VALUES (${2}, ${9})`, 'reference_missing'],
      [statement`DELETE FROM "parent" WHERE "id" = ${1}`, 'still_referenced'],
      [statement`INSERT INTO "parent" ("id") VALUES (${3})`, 'missing_fields'],
    ] as const
    for (const [sent, code] of cases) {
      await t.rejects(database.write(sent), { code })
      await t.rejects(
        database.transaction((trx) => trx.query(sent)),
        { code },
      )
    }
  })

  t.test(`${dialect}: a transaction that asks for it is run again, a bounded number of times`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await withTable(database)
    let runs = 0
    await database.transaction(async (trx) => {
      await trx.query(insert(1, 'a'))
      if (++runs < 3) throw new RetryTransaction()
    })
    t.equal(runs, 3)
    t.same(await database.query(count), [[1]])
    await t.rejects(
      database.transaction(async () => {
        throw new RetryTransaction()
      }),
      { code: 'conflict' },
    )
  })

  t.test(`${dialect}: who waits two seconds for a connection is told to come again`, async (t) => {
    const database = await openTestDatabase(t, dialect, { pool: 1, file: true })
    await withTable(database)
    const finished = new AbortController()
    const holder = database.transaction(async (trx) => {
      await trx.query(insert(1, 'a'))
      await new Promise((resolve) => finished.signal.addEventListener('abort', resolve))
    })
    const began = performance.now()
    await t.rejects(
      database.transaction(async (trx) => trx.query(count)),
      { code: 'unavailable', headers: { 'Retry-After': /\d+/ } },
    )
    t.ok(performance.now() - began < 2_500)
    t.same(await database.query({ text: count.text, values: [], point: true }), [[0]], 'reads go on')
    finished.abort()
    await holder
    t.same(await database.query(count), [[1]])
  })

  t.test(`${dialect}: an aborted signal ends a wait and a transaction`, async (t) => {
    const database = await openTestDatabase(t, dialect, { pool: 1 })
    await withTable(database)
    const controller = new AbortController()
    const holder = database.transaction(async (trx) => {
      await trx.query(count)
      await wait(300)
    })
    setTimeout(() => controller.abort(new BiodmError('timeout')), 50)
    await t.rejects(
      database.transaction(async (trx) => trx.query(count), { signal: controller.signal }),
      { code: 'timeout' },
    )
    await holder
    t.same(await database.query(count), [[0]])
  })

  t.test(
    `${dialect}: knex works inside the transaction, and its own transactions are savepoints`,
    async (t) => {
      const database = await openTestDatabase(t, dialect)
      await withTable(database)
      await database.transaction(async (trx) => {
        const knex = trx.knex()
        await knex('parent').insert({ id: 1, name: 'a' })
        await t.rejects(
          knex.transaction(async (inner) => {
            await inner('parent').insert({ id: 2, name: 'b' })
            throw new Error('only this')
          }),
        )
        await knex.transaction(async (inner) => {
          await inner('parent').insert({ id: 3, name: 'c' })
        })
        t.same(await knex('parent').select('id').orderBy('id'), [{ id: 1 }, { id: 3 }])
      })
      await t.rejects(
        database.transaction(async (trx) => {
          await trx.knex()('parent').insert({ id: 1, name: 'z' })
        }),
        { code: 'unique_violation' },
      )
      await t.rejects(
        database.transaction(async (trx) => {
          await trx.knex()('parent').insert({ id: 9, name: 'z' })
          await trx.knex()('child').insert({ id: 9, parent_id: 9 })
          await trx.knex()('parent').where({ id: 9 }).delete()
        }),
        { code: 'still_referenced' },
      )
      t.same(await database.query(statement`SELECT "id" FROM "parent" ORDER BY "id"`), [[1], [3]])
    },
  )

  t.test(`${dialect}: many transactions on one row lose no update`, async (t) => {
    const database = await openTestDatabase(t, dialect, { file: true })
    await withTable(database)
    await database.write(insert(1, '0'))
    const locking = dialect === 'postgres' ? ' FOR UPDATE' : ''
    await Promise.all(
      Array.from({ length: 40 }, () =>
        database.transaction(async (trx) => {
          const [row] = await trx.query({
            text: `SELECT "name" FROM "parent" WHERE "id" = 1${locking}`,
            values: [],
          })
          await trx.query(
            statement`UPDATE "parent" SET "name" = ${String(Number(row?.[0]) + 1)} WHERE "id" = ${1}`,
          )
        }),
      ),
    )
    t.same(await database.query(statement`SELECT "name" FROM "parent"`), [['40']])
  })

  t.test(`${dialect}: any number of transactions that only read take turns`, async (t) => {
    const database = await openTestDatabase(t, dialect, { file: true })
    await withTable(database)
    const counts = await Promise.all(
      Array.from({ length: 50 }, () =>
        database.transaction(
          async (trx) => {
            const [row] = await trx.query(count)
            await wait(5)
            return row?.[0]
          },
          { readonly: true },
        ),
      ),
    )
    t.same(counts, Array(50).fill(0))
    t.equal(database.stats().waiting, 0)
  })
}
