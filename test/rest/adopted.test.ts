/** Tables that others made (`migrate: off`) fill in by themselves what a request leaves out, and others add rows beside biodm. */
import t from 'tap'
import type { DialectName } from '../../src/config/definition.js'
import { silentLog } from '../../src/log.js'
import { openDatabase } from '../../src/managers/open.js'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS, databaseSettings, type Teardown, testDatabaseUrl } from '../helpers/databases.js'

const item = (table: string) => ({ table, path: `/${table}`, columns: { id: 'serial', name: 'text' } })

const CONFIG = {
  name: 'lims',
  database: { migrate: 'off' },
  auth: 'off',
  resources: {
    Order: {
      table: 'lims_order',
      columns: {
        no: 'serial',
        title: 'text!',
        state: 'text',
        amount: 'integer',
        twice: { type: 'integer', readonly: true },
      },
      relations: { parts: { many: 'Part' } },
    },
    Part: {
      table: 'lims_part',
      columns: { no: 'serial', label: 'text' },
      relations: { order: { one: 'Order', column: 'order_no' } },
    },
    Loose: item('lims_loose'),
    Plain: item('lims_plain'),
  },
}

const TABLES: Readonly<Record<DialectName, readonly string[]>> = {
  sqlite: [
    `CREATE TABLE lims_order (no INTEGER PRIMARY KEY, title text NOT NULL, state text NOT NULL DEFAULT 'open',
      amount integer DEFAULT 1, twice integer GENERATED ALWAYS AS (amount * 2) STORED)`,
    `CREATE TABLE lims_part (no INTEGER PRIMARY KEY, order_no integer REFERENCES lims_order, label text NOT NULL DEFAULT 'part')`,
    'CREATE TABLE lims_loose (id INTEGER PRIMARY KEY, name text)',
    'CREATE TABLE lims_plain (id integer NOT NULL, name text, CONSTRAINT k PRIMARY KEY (id))',
  ],
  postgres: [
    `CREATE TABLE lims_order (no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL,
      state text NOT NULL DEFAULT 'open', amount integer DEFAULT 1, twice integer GENERATED ALWAYS AS (amount * 2) STORED)`,
    `CREATE TABLE lims_part (no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_no integer REFERENCES lims_order,
      label text NOT NULL DEFAULT 'part')`,
    'CREATE SEQUENCE numbers',
    `CREATE TABLE lims_loose (id integer PRIMARY KEY DEFAULT nextval('numbers'), name text)`,
    'CREATE TABLE lims_plain (id integer PRIMARY KEY, name text)',
  ],
}

interface Lims extends Api {
  run(text: string): Promise<unknown>
}

async function lims(t: Teardown, dialect: DialectName): Promise<Lims> {
  const url = await testDatabaseUrl(t, dialect, { file: true })
  const database = await openDatabase(databaseSettings(url), { log: silentLog(), timeoutMs: 10_000 })
  t.teardown(() => database.close())
  const run = (text: string) => database.write({ text, values: [] })
  for (const text of TABLES[dialect]) await run(text)
  return Object.assign(await startApi(t, CONFIG, { database: url }), { run })
}

for (const dialect of DIALECTS) {
  t.test(
    `${dialect}: defaults and generated columns of the database hold for what is not given`,
    async (t) => {
      const api = await lims(t, dialect)
      const made = { no: 1, title: 'a', state: 'open', amount: 1, twice: 2, parts: [] }
      t.match(await api.post('/orders', { title: 'a' }), { status: 201, body: made })
      const orders = [{ title: 'b', amount: 4 }, { title: 'c' }, { title: 'd', amount: null, state: 'shut' }]
      const several = await api.post('/orders', orders)
      t.match(several, {
        status: 201,
        body: [
          { title: 'b', state: 'open', amount: 4, twice: 8 },
          { title: 'c', state: 'open', amount: 1, twice: 2 },
          { title: 'd', state: 'shut', amount: null, twice: null },
        ],
      })
      t.match(await api.post('/orders', { title: 'e', parts: [{}, { label: 'two' }] }), {
        status: 201,
        body: { state: 'open', parts: [{ label: 'part' }, { label: 'two' }] },
      })
      t.match(await api.patch('/orders/1', { amount: 5 }), { status: 200, body: { amount: 5, twice: 10 } })
      t.match(await api.post('/orders', { title: 'f', twice: 3 }), {
        status: 400,
        body: { code: 'invalid_body' },
      })
    },
  )

  t.test(`${dialect}: keys go on behind given ones and behind rows that others add`, async (t) => {
    const api = await lims(t, dialect)
    const ids = async (path: string) =>
      ((await api.get(path)).body as { id?: number; no?: number }[]).map(({ id, no }) => id ?? no)
    for (const [path, key] of [
      ['/orders', 'no'],
      ['/lims_loose', 'id'],
    ] as const) {
      const name = key === 'no' ? 'title' : 'name'
      t.equal((await api.post(path, { [key]: 3, [name]: 'given' })).status, 201)
      t.equal((await api.post(path, { [name]: 'drawn' })).status, 201)
      t.same(await ids(path), [3, 4])
      await api.run(`INSERT INTO lims_${key === 'no' ? 'order' : 'loose'} (${name}) VALUES ('by another')`)
      t.equal((await api.post(path, { [name]: 'single' })).status, 201)
      t.equal((await api.post(path, [{ [name]: 'a' }, { [key]: 10, [name]: 'b' }])).status, 201)
      t.same(await ids(path), [3, 4, 5, 6, 7, 10])
    }
  })

  t.test(`${dialect}: a key that nothing generates must be given`, async (t) => {
    const api = await lims(t, dialect)
    t.equal((await api.post('/lims_plain', { id: 2, name: 'b' })).status, 201)
    const answers = [
      await api.post('/lims_plain', { name: 'a' }),
      await api.post('/lims_plain', [{ id: 7 }, {}]),
    ]
    if (dialect === 'postgres') {
      const body = { code: 'missing_fields', detail: 'Plain missing the following: id' }
      for (const answer of answers) t.match(answer, { status: 400, body })
    } else for (const answer of answers) t.equal(answer.status, 201, 'SQLite numbers every table')
  })
}
