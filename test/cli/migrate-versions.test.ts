/** A filled database whose resource becomes versioned: `biodm migrate` keeps the rows, and releases work afterwards. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { silentLog } from '../../src/log.js'
import { openDatabase } from '../../src/managers/open.js'
import { startApi } from '../helpers/api.js'
import { cliHere } from '../helpers/cli.js'
import { DIALECTS, databaseSettings, testDatabaseUrl } from '../helpers/databases.js'

const config = (versioned: boolean | 'strict', url: string): string => `
auth: off
database: { url: "${url}" }
resources:
  Study:
    versioned: ${versioned}
    columns: { name: string(50)!, code: { type: string(20), unique: true } }
    relations:
      sheet: { one: Sheet, unique: true }
      origin: { one: Study }
      parts: { many: Part }
      tags: { many: Tag, through: study_tag }
      report: { one: Report, via: study }
    unique: [[name, origin]]
    permissions: { self: { verbs: [read] }, parts: { verbs: [read] } }
  Sheet:
    columns: { text: string(50) }
    relations: { study: { one: Study, via: sheet } }
  Part:
    columns: { name: string(50)! }
    relations: { study: { one: Study, required: true } }
    unique: [[name, study]]
  Report:
    columns: { text: string(50) }
    relations: { study: { one: Study, unique: true } }
  Tag:
    columns: { name: { type: string(50), primary: true } }
`

const STUDIES = [1, 2].map((n) => ({
  name: `s${n}`,
  code: `c${n}`,
  sheet: { text: `t${n}` },
  report: { text: `r${n}` },
  parts: [{ name: 'a' }, { name: 'b' }],
  tags: [{ name: 'x' }, { name: `y${n}` }],
  perm_parts: { read: { groups: [{ path: 'lab' }] } },
}))

/** Unique to-one relations of versioned resources once had an index without the version. */
const NARROW = {
  sqlite: [
    'DROP INDEX "study_sheet_id_version_key"',
    'CREATE UNIQUE INDEX "study_sheet_id_key" ON "study" ("sheet_id")',
  ],
  postgres: [
    'ALTER TABLE "study" DROP CONSTRAINT "study_sheet_id_version_key"',
    'ALTER TABLE "study" ADD CONSTRAINT "study_sheet_id_key" UNIQUE ("sheet_id")',
  ],
}

type Server = Awaited<ReturnType<typeof startApi>>

/** Everything of a study but what versions add. */
async function read(api: Server, path: string) {
  const fields = 'id,name,code,sheet.id,sheet.text,report.text,origin.id,parts.name,tags.name,perm_parts'
  const { status, body } = await api.get(`${path}?fields=${fields}`)
  if (status !== 200) throw new Error(JSON.stringify(body))
  return { ...body, perm_parts: body.perm_parts.read.groups }
}

async function releasesWork(t: Test, api: Server, before: readonly object[]) {
  for (const [index, study] of before.entries()) {
    const id = index + 1
    t.same(await read(api, `/studys/${id}_1`), study, 'migrated')
    const released = await api.post(`/studys/${id}_1/release`)
    t.match(released, { status: 201, body: { id, version: 2, sheet_id: id } }, JSON.stringify(released.body))
    t.same(await read(api, `/studys/${id}_2`), study, 'released')
    t.same(await read(api, `/studys/${id}_1`), study, 'as it was')
    t.equal((await api.post(`/studys/${id}_1/release`)).status, 409)
  }
  t.match(await api.post('/studys', { name: 'new', sheet_id: 1 }), {
    status: 409,
    body: { code: 'unique_violation' },
  })
  t.match(await api.post('/studys', { name: 'new', parts: [{ name: 'a' }] }), {
    status: 201,
    body: { version: 1 },
  })
}

for (const dialect of DIALECTS) {
  for (const versioned of [true, 'strict'] as const) {
    t.test(`${dialect}: a filled resource becomes versioned: ${versioned}`, async (t) => {
      const url = await testDatabaseUrl(t, dialect, { file: true })
      const dir = t.testdir({ 'old.yaml': config(false, url), 'new.yaml': config(versioned, url) })
      const old = await startApi(t, join(dir, 'old.yaml'), { dialect, database: url })
      t.equal((await old.post('/groups', { path: 'lab' })).status, 201)
      const made = await old.post('/studys', STUDIES)
      t.equal(made.status, 201, JSON.stringify(made.body))
      t.equal((await old.put('/studys/2', { origin_id: 1 })).status, 200)
      const before = [await read(old, '/studys/1'), await read(old, '/studys/2')]
      await old.runtime.close()
      t.match(await cliHere(['migrate', join(dir, 'new.yaml')]), { code: 0 })
      t.match(await cliHere(['migrate', join(dir, 'new.yaml')]), {
        code: 0,
        stdout: /as the configuration says/,
      })
      await releasesWork(t, await startApi(t, join(dir, 'new.yaml'), { dialect, database: url }), before)
    })
  }

  t.test(`${dialect}: a unique reference of a versioned resource gets its version`, async (t) => {
    const url = await testDatabaseUrl(t, dialect, { file: true })
    const dir = t.testdir({ 'biodm.yaml': config(true, url) })
    const file = join(dir, 'biodm.yaml')
    const old = await startApi(t, file, { dialect, database: url })
    await old.post('/groups', { path: 'lab' })
    t.equal((await old.post('/studys', STUDIES)).status, 201)
    const before = [await read(old, '/studys/1_1'), await read(old, '/studys/2_1')]
    await old.runtime.close()
    const database = await openDatabase(databaseSettings(url), { log: silentLog(), timeoutMs: 30_000 })
    for (const text of NARROW[dialect]) await database.execute({ text, values: [] })
    await database.close()
    t.match(await cliHere(['migrate', file]), {
      code: 0,
      stdout: /drop unique constraint on study \(sheet_id\)/,
    })
    await releasesWork(t, await startApi(t, file, { dialect, database: url }), before)
  })
}
