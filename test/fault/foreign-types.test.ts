/** Columns that others made (`migrate: off`) of other types than the configuration says. */
import t, { type Test } from 'tap'
import type { DialectName } from '../../src/config/definition.js'
import { createRuntime } from '../../src/runtime.js'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'
import { type Foreign, foreignDatabase } from '../helpers/foreign.js'
import { listening } from '../helpers/listening.js'

/** What the configuration says, and two values of it in their order. */
const DECLARED: Readonly<Record<string, readonly [unknown, unknown]>> = {
  integer: [7, 8],
  bigint: [7, 8],
  number: [1.5, 2],
  'decimal(6,2)': ['1.50', '12.00'],
  'string(9)': ['007', 'a'],
  text: ['007', 'a'],
  boolean: [false, true],
  date: ['2024-01-31', '2024-02-29'],
  datetime: ['2024-01-31T10:00:00.000Z', '2024-07-31T10:00:00.123Z'],
  uuid: ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'],
  json: [{ a: 1 }, 5],
}

/** Types that serve a declared type, and types that do not; names are the database's own. */
const TYPES: Readonly<
  Record<DialectName, Readonly<Record<string, readonly [string, string, 'serves' | 'does not']>>>
> = {
  postgres: Object.fromEntries(
    [
      ['integer', 'smallint bigint', 'serves'],
      ['integer', 'text numeric boolean uuid real', 'does not'],
      ['bigint', 'smallint integer', 'serves'],
      ['number', 'float8', 'serves'],
      ['number', 'real integer numeric text', 'does not'],
      ['decimal(6,2)', 'numeric numeric(9,2) price', 'serves'],
      ['decimal(6,2)', 'numeric(9,1) numeric(9,3) real money text', 'does not'],
      ['string(9)', 'text varchar label', 'serves'],
      ['string(9)', 'integer state uuid text[]', 'does not'],
      ['text', 'varchar(20) name', 'serves'],
      ['text', 'bytea', 'does not'],
      ['boolean', 'boolean', 'serves'],
      ['boolean', 'smallint text', 'does not'],
      ['date', 'text timestamp', 'does not'],
      ['datetime', 'timestamp timestamptz(3)', 'serves'],
      ['datetime', 'date text timestamp(0)', 'does not'],
      ['uuid', 'text', 'does not'],
      ['json', 'json', 'serves'],
      ['json', 'text', 'does not'],
    ].flatMap(([declared = '', types = '', fate]) =>
      types.split(' ').map((type) => [`${declared} in ${type}`, [declared, type, fate as 'serves']] as const),
    ),
  ),
  sqlite: Object.fromEntries(
    [
      ['integer', 'INT BIGINT NUMERIC NUMBER(10)', 'serves'],
      ['integer', 'TEXT REAL VARCHAR(9)', 'does not'],
      ['number', 'DOUBLE NUMERIC INTEGER', 'serves'],
      ['number', 'TEXT', 'does not'],
      ['decimal(6,2)', 'TEXT VARCHAR(9)', 'serves'],
      ['decimal(6,2)', 'DECIMAL(6,2) REAL', 'does not'],
      ['string(9)', 'VARCHAR(9) CLOB NCHAR(5) ANY', 'serves'],
      ['string(9)', 'STRING INTEGER', 'does not'],
      ['boolean', 'BOOLEAN INT', 'serves'],
      ['boolean', 'TEXT', 'does not'],
      ['date', 'DATE TEXT', 'serves'],
      ['date', 'INTEGER REAL', 'does not'],
      ['datetime', 'DATETIME TIMESTAMP', 'serves'],
      ['uuid', 'UUID CHAR(36)', 'serves'],
      ['json', 'JSON TEXT', 'serves'],
      ['json', 'INTEGER', 'does not'],
    ].flatMap(([declared = '', types = '', fate]) =>
      types.split(' ').map((type) => [`${declared} in ${type}`, [declared, type, fate as 'serves']] as const),
    ),
  ),
}

const PREPARE: Readonly<Record<DialectName, readonly string[]>> = {
  postgres: [
    'CREATE DOMAIN label AS varchar(20)',
    'CREATE DOMAIN amount AS numeric(9,2)',
    'CREATE DOMAIN price AS amount CHECK (value >= 0)',
    `CREATE TYPE state AS ENUM ('007', 'a')`,
    // Where the server stands must not matter.
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone TO ''Asia/Kolkata''', current_database()); END $$`,
  ],
  sqlite: [],
}

const config = (declared: string) => ({
  name: 'lims',
  database: { migrate: 'off' },
  auth: 'off',
  resources: {
    Sample: { columns: { no: { type: 'integer', primary: true }, v: declared } },
    Part: {
      columns: { key: { type: keyed(declared), primary: true } },
      relations: { of: { one: 'Part', column: 'v' } },
    },
  },
})

/** No keys. */
const UNKEYED = ['json', 'number', 'boolean']
const keyed = (declared: string): string => (UNKEYED.includes(declared) ? 'integer' : declared)

async function tables({ run }: Foreign, type: string, keyType: string): Promise<void> {
  await run('DROP TABLE IF EXISTS sample', 'DROP TABLE IF EXISTS part')
  await run(`CREATE TABLE sample (no integer PRIMARY KEY, v ${type})`)
  await run(`CREATE TABLE part (key ${keyType} PRIMARY KEY, v ${keyType})`)
}

async function served(t: Test, api: Api, declared: string): Promise<void> {
  const [low, high] = DECLARED[declared] ?? []
  t.match(await api.post('/samples', { no: 1, v: high }), { status: 201, body: { v: high } })
  t.match(await api.post('/samples', [{ no: 2, v: low }]), { status: 201, body: [{ v: low }] })
  t.match(await api.put('/samples/1', { v: high }), { status: 200, body: { v: high } })
  t.same((await api.get('/samples/2')).body, { no: 2, v: low })
  if (declared === 'json') return
  const text = encodeURIComponent(String(low))
  t.same((await api.get(`/samples?v=${text}`)).body, [{ no: 2, v: low }])
  t.same((await api.get(`/samples?v=${text},${text}`)).body, [{ no: 2, v: low }])
  t.match(await api.get('/samples?sort=v'), { body: [{ no: 2 }, { no: 1 }] })
  if (!['boolean', 'uuid'].includes(declared)) t.match((await api.get('/samples?v.max()')).body, [{ no: 1 }])
  const tree = { key: low, of: { key: high } }
  if (UNKEYED.includes(declared)) return
  t.match(await api.post('/parts', tree), { status: 201, body: tree })
  t.match(await api.get(`/parts/${text}`), { status: 200, body: tree })
  t.match(await api.get(`/parts?of.key.ne(${text})&sort=-of.key`), { body: [tree] })
  t.equal((await api.delete(`/parts/${text}`)).status, 204)
}

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const foreign = await foreignDatabase(t, dialect)
    const { url, run } = foreign
    await run(...PREPARE[dialect])

    for (const [title, [declared, type, fate]] of Object.entries(TYPES[dialect])) {
      t.test(`${title} ${fate}`, async (t) => {
        await tables(foreign, type, UNKEYED.includes(declared) ? 'integer' : type.replace('[]', ''))
        const start = () => startApi(t, config(declared), { database: url })
        if (fate === 'serves') await served(t, await start(), declared)
        else
          await t.rejects(start(), { name: 'MigrationRefused', message: /column sample\.v is \S.*, not \w/ })
      })
    }

    t.test('every column that does not fit is named', async (t) => {
      await tables(foreign, 'text', 'text')
      await run('ALTER TABLE part DROP COLUMN v')
      await t.rejects(createRuntime(config('integer'), { env: {}, database: { url } }), {
        message:
          /does not fit:\n {2}column sample\.v is text, not integer\n {2}column part\.key is text, not integer\n {2}column part\.v\n/i,
      })
    })

    t.test(
      'a type that changes under a running server is a 503 that names the place in the log',
      async (t) => {
        const [declared, before, query, ...changes] = CHANGING[dialect]
        await tables(foreign, before, keyed(declared))
        const { log, lines } = listening()
        const api = await startApi(t, config(declared), { database: url, overrides: { log } })
        const requests = [
          () => api.get(query),
          () => api.get('/samples/1?fields=v'),
          () => api.post('/samples', { no: 2, v: '1' }),
          () => api.put('/samples/1', { v: '1' }),
        ]
        t.equal((await api.post('/samples', { no: 1, v: '1' })).status, 201)
        // Statements that are known by name are sent another way.
        for (let round = 0; round < 3; round++) for (const request of requests) await request()
        await run(...changes)
        lines.length = 0
        const statuses = []
        for (const request of requests) statuses.push((await request()).status)
        t.same(
          statuses.filter((status) => ![200, 409, 503].includes(status)),
          [],
          lines.join('\n'),
        )
        const refused = statuses.filter((status) => status === 503).length
        t.ok(refused >= 2, statuses.join())
        t.equal(
          lines.filter((line) => /tables of the statement: sample\b|column v holds/.test(line)).length,
          refused,
        )
      },
    )
  })
}

if (DIALECTS.includes('postgres')) {
  t.test('a wider type under a running server costs no request', async (t) => {
    const { url, run } = await foreignDatabase(t, 'postgres')
    await run(
      'CREATE TABLE sample (no integer PRIMARY KEY, v varchar(20))',
      'CREATE TABLE part (key varchar(20) PRIMARY KEY, v varchar(20))',
    )
    const api = await startApi(t, config('text'), { database: url })
    const requests = (no: number) => [
      api.post('/samples', [
        { no, v: 'a' },
        { no: no + 1, v: 'b' },
      ]),
      api.put('/samples/1', { v: `${no}` }),
      api.get('/samples/1'),
      api.get('/samples?v=1'),
      api.post('/parts', { key: `${no}`, of: { key: `of ${no}` } }),
    ]
    await api.post('/samples', { no: 1 })
    const statuses = new Set<number>()
    for (let round = 1; round <= 40; round += 1) {
      if (round % 10 === 0) await run(`ALTER TABLE sample ALTER v TYPE varchar(${20 + round})`)
      for (const { status } of await Promise.all(requests(round * 10))) statuses.add(status)
    }
    t.same([...statuses].sort(), [200, 201])
  })
}

/** What is declared, its type, and what others do to it. */
const CHANGING: Readonly<
  Record<DialectName, readonly [declared: string, before: string, query: string, ...changes: string[]]>
> = {
  sqlite: ['json', 'text', '/samples', `UPDATE sample SET v = '{'`],
  postgres: ['text', 'text', '/samples?sort=-v', 'ALTER TABLE sample ALTER v TYPE integer USING v::integer'],
}
