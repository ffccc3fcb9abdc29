/** Tables that others make and change (`migrate: off`): what a server answers that lacks them, and that a client never gets a 500. */
import t from 'tap'
import type { DialectName } from '../../src/config/definition.js'
import { createRuntime } from '../../src/runtime.js'
import { startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'
import { foreignDatabase } from '../helpers/foreign.js'
import { listening } from '../helpers/listening.js'

const CONFIG = {
  name: 'lims',
  database: { migrate: 'off' },
  auth: 'off',
  resources: {
    Sample: {
      table: 'lims_sample',
      columns: { no: { type: 'integer', primary: true }, label: 'string(80)' },
      relations: { tags: { many: 'Tag', through: 'lims_sample_tag' } },
    },
    Tag: { table: 'lims_tag', columns: { name: { type: 'string(20)', primary: true } } },
  },
}

const TABLES = [
  'CREATE TABLE lims_sample (no integer PRIMARY KEY, label varchar(80))',
  'CREATE TABLE lims_tag (name varchar(20) PRIMARY KEY)',
  `CREATE TABLE lims_sample_tag (sample_no integer REFERENCES lims_sample, tag_name varchar(20) REFERENCES lims_tag,
    PRIMARY KEY (sample_no, tag_name))`,
]

for (const dialect of DIALECTS) {
  t.test(
    `${dialect}: a server whose tables are not there does not start, and says what is missing`,
    async (t) => {
      const { url, run } = await foreignDatabase(t, dialect)
      const start = () => createRuntime(CONFIG, { env: {}, database: { url } })
      await t.rejects(start(), {
        name: 'MigrationRefused',
        message:
          /migrate: off[\s\S]*table lims_sample\n[\s\S]*table lims_sample_tag\n[\s\S]*table lims_tag\n/,
      })
      await run(...TABLES, 'ALTER TABLE lims_sample RENAME COLUMN label TO title')
      await t.rejects(start(), {
        message: /migrate: off[\s\S]*does not fit:\n {2}column lims_sample\.label\n(?! {2})/,
      })
      await run('ALTER TABLE lims_sample RENAME COLUMN title TO label')
      await (await start()).close()
    },
  )

  t.test(`${dialect}: a view is served as a table is; writing to it is no fault of the client`, async (t) => {
    const { url, run } = await foreignDatabase(t, dialect)
    await run(...TABLES.slice(1).map((text) => text.replace('REFERENCES lims_sample', '')))
    await run(`CREATE VIEW lims_sample AS SELECT 7 AS no, 'seen' AS label UNION SELECT 8, 'too'`)
    const api = await startApi(t, CONFIG, { database: url })
    t.match(await api.get('/samples/7'), { status: 200, body: { label: 'seen' } })
    t.match(await api.post('/samples', { no: 9 }), { status: 503, body: { code: 'unavailable' } })
  })

  t.test(`${dialect}: a table that vanishes is a 503 with a line in the log, until it is back`, async (t) => {
    const { url, run } = await foreignDatabase(t, dialect)
    await run(...TABLES, `INSERT INTO lims_sample VALUES (1, 'a')`)
    const { log, lines } = listening()
    const api = await startApi(t, CONFIG, { database: url, overrides: { log } })
    t.match(await api.get('/samples/1'), { status: 200, body: { label: 'a', tags: [] } })
    await run('DROP TABLE lims_sample_tag')
    lines.length = 0
    const requests = [
      () => api.get('/samples'),
      () => api.get('/samples/1'),
      () => api.get('/samples/1/tags'),
      () => api.post('/samples', { no: 2, tags: [{ name: 'x' }] }),
      () => api.delete('/samples/1'),
    ]
    for (const request of requests) {
      const answer = await request()
      t.match(answer, { status: 503, body: { code: 'unavailable' }, headers: { 'retry-after': /\d/ } })
      t.notMatch(JSON.stringify(answer.body), /lims_/, 'the names are for the log')
    }
    t.equal(
      lines.filter((line) => line.includes('lims_sample_tag')).length,
      requests.length,
      lines.join('\n'),
    )
    await run('ALTER TABLE lims_tag RENAME TO elsewhere')
    t.equal((await api.get('/tags?count=true')).status, 503)
    await run('ALTER TABLE elsewhere RENAME TO lims_tag', TABLES[2] as string)
    t.match(await api.get('/samples/1'), { status: 200, body: { label: 'a' } })
    t.equal((await api.post('/samples', { no: 2, tags: [{ name: 'x' }] })).status, 201)
  })

  t.test(`${dialect}: what a trigger of the database refuses is a conflict`, async (t) => {
    const { url, run } = await foreignDatabase(t, dialect)
    await run(...TABLES, ...TRIGGER[dialect])
    const api = await startApi(t, CONFIG, { database: url })
    t.match(await api.post('/samples', { no: 1, label: 'no' }), { status: 409, body: { code: 'conflict' } })
    t.equal((await api.get('/samples/1')).status, 404)
    t.equal((await api.post('/samples', { no: 1, label: 'yes' })).status, 201)
  })

  t.test(`${dialect}: a row that a trigger swallows is not acknowledged`, async (t) => {
    const { url, run } = await foreignDatabase(t, dialect)
    await run(...TABLES, ...SWALLOW[dialect])
    const api = await startApi(t, CONFIG, { database: url })
    for (const body of [
      { no: 1, label: 'no' },
      [
        { no: 2, label: 'yes' },
        { no: 3, label: 'no' },
      ],
    ]) {
      t.match(await api.post('/samples', body), { status: 409, body: { code: 'conflict' } })
    }
    t.same((await api.get('/samples')).body, [], 'nothing of the request is there')
  })
}

const SWALLOW: Readonly<Record<DialectName, readonly string[]>> = {
  sqlite: [
    `CREATE TRIGGER swallow BEFORE INSERT ON lims_sample WHEN new.label = 'no' BEGIN SELECT RAISE(IGNORE); END`,
  ],
  postgres: [
    `CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.label = 'no' THEN RETURN NULL; END IF; RETURN new; END $$`,
    'CREATE TRIGGER swallow BEFORE INSERT ON lims_sample FOR EACH ROW EXECUTE FUNCTION swallow()',
  ],
}

const TRIGGER: Readonly<Record<DialectName, readonly string[]>> = {
  sqlite: [
    `CREATE TRIGGER refuse BEFORE INSERT ON lims_sample WHEN new.label = 'no' BEGIN SELECT RAISE(ABORT, 'never'); END`,
  ],
  postgres: [
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.label = 'no' THEN RAISE EXCEPTION 'never'; END IF; RETURN new; END $$`,
    'CREATE TRIGGER refuse BEFORE INSERT ON lims_sample FOR EACH ROW EXECUTE FUNCTION refuse()',
  ],
}
