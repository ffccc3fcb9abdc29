import t from 'tap'
import type { DialectName } from '../../src/config/definition.js'
import { silentLog } from '../../src/log.js'
import type { Database } from '../../src/managers/database.js'
import {
  introspect,
  MigrationRefused,
  migrate,
  migrateAtStart,
  planMigration,
} from '../../src/managers/migrate.js'
import { DIALECTS, openTestDatabase } from '../helpers/databases.js'
import { modelOf } from '../helpers/models.js'

type Columns = Record<string, unknown>
const thing = (columns: Columns, more: Record<string, unknown> = {}) =>
  modelOf({ auth: 'off', resources: { Thing: { columns, ...more } } })

/** Statements with values for both databases. */
const run = (database: Database, text: string, values: unknown[] = []) =>
  database.write({ text: database.dialect === 'sqlite' ? text.replaceAll(/\$\d+/g, '?') : text, values })

const lines = (steps: readonly { description: string }[]) => steps.map((step) => step.description)

const OMICS = `
auth: off
resources:
  Project:
    columns: { name: string(50)!, kind: { type: enum, values: [a, "b's"] } }
    relations: { datasets: { many: Dataset } }
    permissions: { datasets: { verbs: [read, write] } }
  Dataset:
    versioned: true
    columns:
      name: string(50)!
      size: bigint
      price: "decimal(10,2)"
      ratio: number
      ok: boolean
      day: date
      at: { type: datetime, default: now }
      ref: uuid
      meta: json
    relations:
      project: { one: Project, required: true }
      contact: { one: User, column: contact_username, on_delete: set_null }
      tags: { many: Tag, through: dataset_tag }
    unique: [[name, project]]
  Tag:
    columns: { name: { type: string, primary: true } }
`

for (const dialect of DIALECTS) {
  t.test(`${dialect}: a database is made from nothing, and a second run finds nothing to do`, async (t) => {
    const model = await modelOf(OMICS)
    const database = await openTestDatabase(t, dialect, { model })
    const first = await migrate(database, model)
    t.same(first.destructive, [])
    t.not(first.statements.length, 0)
    const again = await migrate(database, model)
    t.same(again.steps, [])
    t.same(again.statements, [])
    const schema = await introspect(database)
    t.match(schema.get('dataset'), { primaryKey: ['id', 'version'] })
    t.same([...schema.keys()].filter((name) => name.startsWith('biodm_')).sort(), [
      'biodm_entity_dataset',
      'biodm_history',
      'biodm_lease',
      'biodm_list_entry_project',
      'biodm_list_project',
      'biodm_outbox',
      'biodm_schema',
      'biodm_store',
    ])
  })

  t.test(`${dialect}: constraints hold, and errors name fields and relations`, async (t) => {
    const model = await modelOf(OMICS)
    const database = await openTestDatabase(t, dialect, { model })
    await migrate(database, model)
    await run(database, `INSERT INTO "project" ("id", "name", "kind") VALUES (1, 'p', 'b''s')`)
    const dataset = `INSERT INTO "dataset" ("id", "version", "is_latest", "name", "project_id", "at") VALUES `
    const now = `'2024-01-01T00:00:00.000Z'`
    const yes = dialect === 'postgres' ? 'true' : '1'
    await run(database, `${dataset}(1, 1, ${yes}, 'd', 1, ${now})`)
    await t.rejects(run(database, `${dataset}(2, 1, ${yes}, 'd', 1, ${now})`), {
      code: 'unique_violation',
      message: 'Another Dataset has the same name, project and version',
    })
    await t.rejects(run(database, `INSERT INTO "project" ("name", "kind") VALUES ('q', 'c')`), {
      code: 'invalid_body',
      message: 'The kind of this Project does not fit its column.',
    })
    const missing = run(database, `${dataset}(3, 1, ${yes}, 'e', 9, ${now})`)
    await t.rejects(missing, { code: 'reference_missing' })
    await t.rejects(run(database, `DELETE FROM "project" WHERE "id" = 1`), {
      code: 'still_referenced',
      message: /^The row is still referenced/,
    })
    await t.rejects(run(database, `INSERT INTO "project" ("kind") VALUES ('a')`), {
      code: 'missing_fields',
      message: 'Project missing the following: name',
    })
  })

  t.test(`${dialect}: what only adds is applied to the rows there are`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await migrate(database, await thing({ name: 'string(5)!' }))
    await run(database, `INSERT INTO "thing" ("name") VALUES ('abc')`)
    const plan = await migrate(
      database,
      await thing({
        name: 'string(9)',
        note: 'text',
        state: { type: 'enum', values: ['x', 'y'], default: 'x', required: true },
        at: { type: 'datetime', default: 'now', required: true },
        ref: { type: 'uuid', default: 'uuid', required: true },
        amount: { type: 'integer', default: 0, required: true, index: true },
      }),
    )
    t.same(plan.destructive, [])
    const [row] = await database.rows({ text: 'SELECT * FROM "thing"', values: [] })
    t.match(row, { name: 'abc', note: null, state: 'x', at: /Z$/, ref: /^[0-9a-f-]{36}$/, amount: 0 })
    await run(
      database,
      `INSERT INTO "thing" ("state", "at", "ref", "amount") VALUES ('y', '2024-01-01T00:00:00.000Z', '00000000-0000-4000-8000-000000000000', 1)`,
    )
    t.same(
      (await database.query({ text: 'SELECT max("id") FROM "thing"', values: [] }))[0],
      [2],
      'numbers go on',
    )
  })

  t.test(`${dialect}: a foreign key of several columns has one index, and others go`, async (t) => {
    const model = await modelOf({
      auth: 'off',
      resources: {
        Box: { versioned: true, columns: { title: 'text' }, relations: { parts: { many: 'Part' } } },
        Part: {
          columns: { name: 'text', size: { type: 'integer', index: true } },
          relations: { box: { one: 'Box' } },
        },
      },
    })
    const database = await openTestDatabase(t, dialect)
    await migrate(database, model)
    const indexed = async () =>
      (await introspect(database))
        .get('part')
        ?.indexes.map(({ columns }) => columns.join(' '))
        .sort()
    t.same(await indexed(), ['box_id box_version', 'size'])
    for (const column of ['box_id', 'box_version'])
      await run(database, `CREATE INDEX "part_${column}_idx" ON "part" ("${column}")`)
    await migrate(database, model)
    t.same(await indexed(), ['box_id box_version', 'size'])
  })

  t.test(`${dialect}: widening an enum is additive, narrowing it is not`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    const state = (values: string[]) => thing({ state: { type: 'enum', values } })
    await migrate(database, await state(['a', 'b']))
    await run(database, `INSERT INTO "thing" ("state") VALUES ('a')`)
    t.same((await migrate(database, await state(['a', 'b', 'c']))).destructive, [])
    await run(database, `INSERT INTO "thing" ("state") VALUES ('c')`)
    await t.rejects(migrate(database, await state(['a', 'b'])), { name: 'MigrationRefused', message: /lose/ })
  })

  const destructive: [title: string, from: Columns, to: Columns, step: RegExp][] = [
    ['dropping a column', { name: 'text', gone: 'text' }, { name: 'text' }, /drop column thing.gone/],
    [
      'a shorter string',
      { name: 'string(50)' },
      { name: 'string(20)' },
      /change thing.name from string\(50\) to string\(20\)/,
    ],
    [
      'fewer digits',
      { name: '"decimal(9,2)"'.slice(1, -1) },
      { name: 'decimal(5,2)' },
      /decimal\(9,2\) to decimal\(5,2\)/,
    ],
    ['another type', { name: 'text' }, { name: 'date' }, /from text to date/],
    [
      'a required column without values',
      { name: 'text' },
      { name: 'text!' },
      /make thing.name required \(1 row has no value\)/,
    ],
    [
      'a new required column',
      {},
      { more: 'text!' },
      /add column thing.more \(rows exist and there is no default\)/,
    ],
  ]
  for (const [title, from, to, step] of destructive) {
    t.test(`${dialect}: ${title} is destructive, and nothing is applied with it`, async (t) => {
      const database = await openTestDatabase(t, dialect)
      await migrate(database, await thing({ other: 'text', ...from }))
      await run(database, `INSERT INTO "thing" ("other") VALUES ('x')`)
      const before = await introspect(database)
      const model = await thing({ other: 'text', ...to, added: 'text' })
      const error = await migrate(database, model).then(
        () => null,
        (reason: unknown) => reason,
      )
      t.type(error, MigrationRefused)
      if (error instanceof MigrationRefused) t.match(lines(error.plan.destructive), [step])
      t.same(await introspect(database), before)
    })
  }

  t.test(`${dialect}: losses happen when they are allowed`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await migrate(database, await thing({ name: 'string(50)', gone: 'text', n: 'text' }))
    await run(database, `INSERT INTO "thing" ("name", "gone", "n") VALUES ('abc', 'x', '12')`)
    await migrate(database, await thing({ name: 'string(20)', n: 'integer' }), { allowDestructive: true })
    t.same(await database.rows({ text: 'SELECT * FROM "thing"', values: [] }), [
      { id: 1, name: 'abc', n: 12 },
    ])
    t.same((await planMigration(database, await thing({ name: 'string(20)', n: 'integer' }))).steps, [])
  })

  t.test(`${dialect}: values that do not fit are never cut`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await migrate(database, await thing({ name: 'string(50)' }))
    await run(database, `INSERT INTO "thing" ("name") VALUES ('much too long')`)
    await t.rejects(migrate(database, await thing({ name: 'string(5)' }), { allowDestructive: true }), {
      message: /thing.name: 1 values are longer than 5 characters/,
    })
    t.same(await database.query({ text: 'SELECT "name" FROM "thing"', values: [] }), [['much too long']])
  })

  const conversions: [from: string, to: string, stored: string, shown: unknown][] = [
    ['decimal(8,2)', 'decimal(9,3)', "'1.50'", '1.500'],
    ['date', 'datetime', "'2024-02-03'", '2024-02-03T00:00:00.000Z'],
    ['datetime', 'date', "'2024-02-03T23:00:00.000Z'", '2024-02-03'],
    ['integer', 'text', '12', '12'],
    ['text', 'bigint', "'12'", 12],
  ]
  for (const [from, to, stored, shown] of conversions) {
    t.test(`${dialect}: ${from} becomes ${to} with its values`, async (t) => {
      const database = await openTestDatabase(t, dialect)
      await migrate(database, await thing({ v: from }))
      await run(database, `INSERT INTO "thing" ("v") VALUES (${stored})`)
      await migrate(database, await thing({ v: to }), { allowDestructive: true })
      t.same(await database.rows({ text: 'SELECT "v" FROM "thing"', values: [] }), [{ v: shown }])
    })
  }

  for (const [from, to] of [
    ['text', 'integer'],
    ['text', 'date'],
    ['text', 'json'],
    ['text', 'uuid'],
  ] as const) {
    t.test(`${dialect}: ${from} that is no ${to} stays what it is`, async (t) => {
      const database = await openTestDatabase(t, dialect)
      await migrate(database, await thing({ v: from }))
      await run(database, `INSERT INTO "thing" ("v") VALUES ('abc')`)
      await t.rejects(migrate(database, await thing({ v: to }), { allowDestructive: true }), {
        name: 'MigrationRefused',
      })
      t.same(await database.query({ text: 'SELECT "v" FROM "thing"', values: [] }), [['abc']])
    })
  }

  for (const [from, to, stored] of [
    ['number', 'integer', '1.5'],
    ['integer', 'boolean', '5'],
    ['bigint', 'integer', '3000000000'],
    ['decimal(10,2)', 'decimal(8,1)', "'1.55'"],
    ['decimal(10,2)', 'decimal(4,2)', "'123.00'"],
  ] as const) {
    t.test(`${dialect}: a ${from} that is no ${to} is not rounded to one`, async (t) => {
      const database = await openTestDatabase(t, dialect)
      await migrate(database, await thing({ v: from }))
      await run(database, `INSERT INTO "thing" ("v") VALUES (${stored})`)
      const before = await database.query({ text: 'SELECT "v" FROM "thing"', values: [] })
      await t.rejects(migrate(database, await thing({ v: to }), { allowDestructive: true }), {
        name: 'MigrationRefused',
        message: /thing.v: 1 values are no /,
      })
      t.same(await database.query({ text: 'SELECT "v" FROM "thing"', values: [] }), before)
    })
  }

  t.test(`${dialect}: a failing step leaves nothing behind`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    await migrate(database, await thing({ name: 'text' }))
    for (const name of ['a', 'a']) await run(database, 'INSERT INTO "thing" ("name") VALUES ($1)', [name])
    const before = await introspect(database)
    await t.rejects(migrate(database, await thing({ name: { type: 'text', unique: true }, more: 'text' })), {
      message: /thing has rows with the same name/,
    })
    t.same(await introspect(database), before)
  })

  t.test(`${dialect}: resources and columns are renamed with their rows`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    const before = await modelOf(`
auth: off
resources:
  Box:
    versioned: true
    columns: { title: { type: string(9), unique: true } }
    relations: { parts: { many: Part }, tags: { many: Tag, through: box_tag } }
    permissions: { parts: { verbs: [read] } }
  Part: { columns: { name: text }, relations: { box: { one: Box } } }
  Tag: { columns: { name: { type: string, primary: true } } }
`)
    await migrate(database, before)
    const yes = dialect === 'postgres' ? 'true' : '1'
    await run(database, `INSERT INTO "biodm_entity_box" ("id", "last_version") VALUES (1, 1)`)
    await run(
      database,
      `INSERT INTO "box" ("id", "version", "is_latest", "title") VALUES (1, 1, ${yes}, 'b')`,
    )
    await run(database, `INSERT INTO "part" ("name", "box_id", "box_version") VALUES ('p', 1, 1)`)
    await run(database, `INSERT INTO "tag" ("name") VALUES ('t')`)
    await run(database, `INSERT INTO "box_tag" ("box_id", "box_version", "tag_name") VALUES (1, 1, 't')`)
    const after = await modelOf(`
auth: off
resources:
  Crate:
    renamed_from: Box
    versioned: true
    columns: { label: { type: string(9), unique: true, renamed_from: title } }
    relations: { parts: { many: Part }, tags: { many: Tag, through: box_tag } }
    permissions: { parts: { verbs: [read] } }
  Part: { columns: { name: text }, relations: { box: { one: Crate } } }
  Tag: { columns: { name: { type: string, primary: true } } }
`)
    const plan = await migrate(database, after)
    t.same(plan.destructive, [])
    t.match(await database.rows({ text: 'SELECT * FROM "crate"', values: [] }), [{ id: 1, label: 'b' }])
    t.match(await database.rows({ text: 'SELECT * FROM "box_tag"', values: [] }), [
      { crate_id: 1, tag_name: 't' },
    ])
    t.match(await database.rows({ text: 'SELECT * FROM "part"', values: [] }), [{ box_id: 1, name: 'p' }])
    t.same((await planMigration(database, after)).steps, [])
    const fresh = await openTestDatabase(t, dialect)
    await migrate(fresh, after)
    t.same(comparable(await introspect(database), dialect), comparable(await introspect(fresh), dialect))
  })

  t.test(`${dialect}: a resource becomes versioned with its rows and those that refer to it`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    const model = (versioned: boolean) =>
      modelOf({
        auth: 'off',
        resources: {
          Box: { versioned, columns: { title: 'text' }, relations: { parts: { many: 'Part' } } },
          Part: { columns: { name: 'text' }, relations: { box: { one: 'Box' } } },
        },
      })
    await migrate(database, await model(false))
    await run(database, `INSERT INTO "box" ("id", "title") VALUES (7, 'b')`)
    await run(database, `INSERT INTO "part" ("name", "box_id") VALUES ('p', 7), ('q', null)`)
    const plan = await migrate(database, await model(true))
    t.same(lines(plan.destructive), [])
    t.match(await database.rows({ text: 'SELECT * FROM "box"', values: [] }), [{ id: 7, version: 1 }])
    t.match(await database.rows({ text: 'SELECT * FROM "part" ORDER BY "id"', values: [] }), [
      { box_id: 7, box_version: 1 },
      { box_id: null, box_version: null },
    ])
    t.same(await database.rows({ text: 'SELECT * FROM "biodm_entity_box"', values: [] }), [
      { id: 7, last_version: 1 },
    ])
    t.same(
      (await run(database, `INSERT INTO "biodm_entity_box" ("last_version") VALUES (1) RETURNING "id"`))[0],
      [8],
    )
    t.same((await planMigration(database, await model(true))).steps, [])
  })

  t.test(`${dialect}: at the start of a server, what is no longer named stays`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    const before = await modelOf({
      auth: 'off',
      resources: { Thing: { columns: { name: 'text!', old: 'text!' } }, Other: { columns: { a: 'text' } } },
    })
    await migrateAtStart(database, before, silentLog())
    await run(database, `INSERT INTO "thing" ("name", "old") VALUES ('a', 'b')`)
    const after = await thing({ name: 'text!' })
    const plan = await migrateAtStart(database, after, silentLog())
    t.same(plan.kept, ['thing.old', 'other'])
    await run(database, `INSERT INTO "thing" ("name") VALUES ('c')`)
    t.match(await database.rows({ text: 'SELECT * FROM "thing" ORDER BY "id"', values: [] }), [
      { old: 'b' },
      { old: null },
    ])
    t.same((await migrateAtStart(database, after, silentLog())).steps, [])
    t.equal((await planMigration(database, after)).destructive.length, 2)
    await migrate(database, after, { allowDestructive: true })
    t.notOk((await introspect(database)).has('other'))
    await t.rejects(migrateAtStart(database, await thing({ name: 'integer' }), silentLog()))
  })

  t.test(
    `${dialect}: check refuses to start on drift and changes nothing, off leaves resources alone`,
    async (t) => {
      const database = await openTestDatabase(t, dialect)
      const withMode = (mode: string, columns: Columns) =>
        modelOf({
          auth: 'off',
          database: { url: 'sqlite::memory:', migrate: mode },
          resources: { Thing: { columns } },
        })
      await t.rejects(migrateAtStart(database, await withMode('check', { name: 'text' }), silentLog()), {
        message: /check/,
      })
      t.notOk((await introspect(database)).has('thing'))
      const extra = dialect === 'postgres' ? 'serial' : 'integer'
      await run(
        database,
        `CREATE TABLE "thing" ("id" ${extra} PRIMARY KEY, "name" varchar(20), "more" text NOT NULL DEFAULT 'x')`,
      )
      const before = (await introspect(database)).get('thing')
      await migrateAtStart(database, await withMode('off', { name: 'string(20)' }), silentLog())
      t.same((await introspect(database)).get('thing'), before)
      t.ok((await introspect(database)).has('biodm_history'))
      await migrate(database, await withMode('auto', { name: 'string(20)' }))
      await migrateAtStart(database, await withMode('check', { name: 'string(20)' }), silentLog())
    },
  )

  t.test(`${dialect}: check takes nothing that the configuration dropped for drift`, async (t) => {
    const database = await openTestDatabase(t, dialect)
    const before = { Thing: { columns: { name: 'text!', gone: 'text!' } }, Other: {} }
    await migrate(database, await modelOf({ auth: 'off', resources: before }))
    const shape = JSON.stringify([...(await introspect(database))])
    const checked = (columns: Columns) =>
      modelOf({
        auth: 'off',
        database: { url: 'sqlite::memory:', migrate: 'check' },
        resources: { Thing: { columns } },
      })
    await migrateAtStart(database, await checked({ name: 'text!' }), silentLog())
    t.equal(JSON.stringify([...(await introspect(database))]), shape)
    await t.rejects(migrateAtStart(database, await checked({ name: 'text' }), silentLog()), {
      message: /check/,
    })
  })

  t.test(`${dialect}: servers that start together do not race`, async (t) => {
    const model = await modelOf(OMICS)
    const database = await openTestDatabase(t, dialect, { file: true })
    const plans = await Promise.all(
      Array.from({ length: 4 }, () => migrateAtStart(database, model, silentLog())),
    )
    t.equal(plans.filter((plan) => plan.steps.length > 0).length, 1)
  })
}

/** Without what may differ between two ways to the same schema: the order of columns. */
export function comparable(schema: Awaited<ReturnType<typeof introspect>>, _dialect: DialectName): unknown {
  const byName = <T extends { name: string }>(list: readonly T[]) =>
    [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  return Object.fromEntries(
    [...schema].map(([name, table]) => [
      name,
      {
        columns: byName(table.columns),
        primaryKey: [...table.primaryKey].sort(),
        uniques: byName(table.uniques),
        indexes: byName(table.indexes),
        checks: byName(table.checks),
        foreignKeys: byName(table.foreignKeys),
      },
    ]),
  )
}
