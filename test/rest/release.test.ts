import t from 'tap'
import { type Api, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const CONFIG = `
name: omics
auth: off
resources:
  Project:
    columns: { name: string! }
    relations: { datasets: { many: Dataset } }
  Dataset:
    versioned: true
    columns:
      name: string(50)!
      note: text
      meta: json
      price: "decimal(10,2)"
      created_at: { type: datetime, default: now, readonly: true }
    relations:
      project: { one: Project }
      tags: { many: Tag, through: dataset_tag }
      files: { many: File }
      samples: { many: Sample }
      sheet: { one: Sheet, via: dataset }
      cover: { one: File }
      origin: { one: Dataset }
    permissions:
      files: { verbs: [read, write] }
  File:
    columns: { name: string! }
    relations:
      dataset: { one: Dataset }
      sample: { one: Sample }
      parts: { many: Part }
      covers: { many: Dataset, via: cover }
  Part:
    columns: { name: string! }
    relations: { file: { one: File, required: true } }
  Sample:
    columns: { name: string!, code: { type: uuid, generated: true } }
    relations:
      dataset: { one: Dataset, required: true }
      files: { many: File }
      runs: { many: Run }
      tags: { many: Tag, through: sample_tag }
  Run:
    versioned: true
    columns: { name: string! }
    relations: { sample: { one: Sample, required: true } }
  Sheet:
    columns: { text: string! }
    relations: { dataset: { one: Dataset, unique: true } }
  Tag:
    columns: { name: { type: string, primary: true } }
    relations: { datasets: { many: Dataset, through: dataset_tag } }
  Paper:
    versioned: strict
    columns: { title: string!, note: text }
    relations: { notes: { many: Note } }
  Note:
    columns: { text: string! }
    relations: { paper: { one: Paper, required: true } }
`

type Row = Record<string, unknown>

/** A dataset with one of everything below it. */
async function tree(api: Api): Promise<Row> {
  const { status, body } = await api.post('/datasets', {
    name: 'd',
    meta: { z: 1, a: [2] },
    price: '1.50',
    project: { name: 'p' },
    tags: [{ name: 'x' }, { name: 'y' }],
    files: [
      { name: 'f1', parts: [{ name: 'p1' }, { name: 'p2' }] },
      { name: 'f2', parts: [] },
    ],
    samples: [{ name: 's', tags: [{ name: 'x' }], runs: [{ name: 'r' }] }],
    sheet: { text: 'sheet' },
  })
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body as Row
}

const get = async (api: Api, path: string): Promise<Row> => {
  const { status, body } = await api.get(path)
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`)
  return body as Row
}
const list = async (api: Api, path: string): Promise<Row[]> => (await get(api, path)) as unknown as Row[]

const REPORTED = `
name: reports
auth: off
resources:
  Dataset:
    versioned: true
    columns: { name: string! }
    relations: { report: { one: Report, via: dataset } }
  Report:
    columns: { title: string! }
    relations: { dataset: { one: Dataset, required: true, unique: true } }
`

for (const dialect of DIALECTS) {
  t.test(`${dialect}: a to-one that the body gives as null is not carried over`, async (t) => {
    const api = await startApi(t, REPORTED, { dialect })
    const made = await api.post('/datasets', { name: 'd', report: { title: 'r' } })
    t.equal(made.status, 201)
    t.equal((await api.post('/datasets', { name: 'new', report: null })).status, 201, 'nothing to unlink')
    const released = await api.post('/datasets/1_1/release', { report: null })
    t.match(released, { status: 201, body: { version: 2, report: null } })
    t.equal((await api.get('/datasets/1_1')).body.report.title, 'r')
    t.equal(
      (await api.put('/datasets/1_1', { report: null })).status,
      400,
      'a required one is deleted instead',
    )
  })

  t.test(dialect, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })

    t.test('a release copies the row with the changes of the body', async (t) => {
      const first = await tree(api)
      const path = `/datasets/${first['id']}_1`
      const before = await get(api, path)
      const released = await api.post(`${path}/release`, { note: 'second' })
      t.equal(released.status, 201)
      t.match(released.body, {
        id: first['id'],
        version: 2,
        is_latest: true,
        note: 'second',
        name: 'd',
        price: '1.50',
      })
      t.match(released.headers, { location: `/datasets/${first['id']}_2` })
      t.same((released.body as Row)['created_at'], before['created_at'])
      t.same(await get(api, path), { ...before, is_latest: false }, 'the old version is as it was')
    })

    t.test('children are cloned, links and to-one relations kept', async (t) => {
      const { id } = await tree(api)
      const [file] = await list(api, `/datasets/${id}_1/files?sort=id`)
      await api.put(`/datasets/${id}_1`, { cover_id: file?.['id'] })
      const released = await api.post(`/datasets/${id}_1/release`)
      t.equal(released.status, 201, JSON.stringify(released.body))
      const fields =
        'name,project.name,tags.name,files.name,files.parts.name,samples.name,samples.tags.name,samples.runs.name,sheet.text,cover.name'
      const [one, two] = await Promise.all(
        [1, 2].map((version) => get(api, `/datasets/${id}_${version}?fields=${fields}`)),
      )
      const shape = (row: Row | undefined) =>
        JSON.parse(JSON.stringify(row), (key, value) =>
          key === 'id' || key === 'version' ? undefined : value,
        )
      t.same(shape(two), shape(one))
      const ids = async (version: number, path: string) =>
        (await list(api, `/datasets/${id}_${version}/${path}?sort=id`)).map((row) => row['id'])
      for (const path of ['files', 'samples']) {
        const [a, b] = [await ids(1, path), await ids(2, path)]
        t.equal(a.length, b.length)
        t.notOk(
          a.some((value) => b.includes(value)),
          `${path} have keys of their own`,
        )
      }
      const now = await get(api, `/datasets/${id}_2?fields=cover.id,files.id`)
      t.ok(
        (now['files'] as Row[]).some((row) => row['id'] === (now['cover'] as Row)['id']),
        'the cover is the clone',
      )
      const runs = await list(api, `/runs?sample.dataset.id=${id}`)
      t.same(new Set(runs.map((run) => run['id'])).size, 2)
      t.same(
        runs.map((run) => [run['version'], run['is_latest']]),
        [
          [1, true],
          [1, true],
        ],
      )
    })

    t.test('a reference that the body gives stays, also the one that the old version has', async (t) => {
      const { id } = await tree(api)
      const [file] = await list(api, `/datasets/${id}_1/files?sort=id`)
      t.equal((await api.put(`/datasets/${id}_1`, { cover_id: file?.['id'] })).status, 200)
      const released = await api.post(`/datasets/${id}_1/release`, { cover_id: file?.['id'] })
      t.match(released, { status: 201, body: { version: 2, cover_id: file?.['id'] } })
    })

    t.test('a relation that the body gives is not carried over', async (t) => {
      const { id } = await tree(api)
      const released = await api.post(`/datasets/${id}_1/release`, {
        tags: [{ name: 'new' }],
        files: [{ name: 'fresh' }],
        sheet: null,
        project: { name: 'other' },
      })
      t.equal(released.status, 201, JSON.stringify(released.body))
      t.match(released.body, {
        tags: [{ name: 'new' }],
        files: [{ name: 'fresh' }],
        sheet: null,
        project: { name: 'other' },
      })
      t.match(await get(api, `/datasets/${id}_1`), {
        tags: [{ name: 'x' }, { name: 'y' }],
        sheet: { text: 'sheet' },
      })
    })

    t.test('several versions of a child get one new id together', async (t) => {
      const { id } = await tree(api)
      const [run] = await list(api, `/runs?sample.dataset.id=${id}`)
      t.equal((await api.post(`/runs/${run?.['id']}_1/release`, { name: 'r2' })).status, 201)
      t.equal((await api.post(`/datasets/${id}_1/release`)).status, 201)
      const clones = await list(api, `/runs?sample.dataset.id=${id}&sample.dataset.version=2&sort=version`)
      t.same(
        clones.map((row) => [row['version'], row['is_latest'], row['name']]),
        [
          [1, false, 'r'],
          [2, true, 'r2'],
        ],
      )
      t.equal(new Set(clones.map((row) => row['id'])).size, 1)
      const next = await api.post(`/runs/${clones[0]?.['id']}_2/release`)
      t.match(next.body, { version: 3 })
    })

    t.test('a reference among copied rows points at the copy', async (t) => {
      const { id } = await tree(api)
      const [sample] = await list(api, `/datasets/${id}_1/samples`)
      const [file] = await list(api, `/datasets/${id}_1/files?sort=id`)
      t.equal((await api.put(`/files/${file?.['id']}`, { sample_id: sample?.['id'] })).status, 200)
      t.equal((await api.put(`/datasets/${id}_1`, { origin: { id, version: 1 } })).status, 200)
      t.equal((await api.post(`/datasets/${id}_1/release`)).status, 201)
      const files = await list(
        api,
        `/datasets/${id}_2/files?fields=name,sample.id,sample.dataset_version&sort=name`,
      )
      t.match(files, [
        { name: 'f1', sample: { dataset_version: 2 } },
        { name: 'f2', sample: null },
      ])
      t.equal(files.length, 2, 'found on two ways, copied once')
      t.match(await get(api, `/datasets/${id}_2`), { origin_version: 2 })
    })

    t.test('lists of groups are cloned and evolve independently', async (t) => {
      await api.post('/groups', [{ path: 'lab' }, { path: 'other' }])
      const { id } = await tree(api)
      const perm_files = { read: { groups: [{ path: 'lab' }] }, write: null }
      t.equal((await api.put(`/datasets/${id}_1`, { perm_files })).status, 200)
      t.equal((await api.post(`/datasets/${id}_1/release`)).status, 201)
      t.match((await get(api, `/datasets/${id}_2`))['perm_files'], { read: { groups: [{ path: 'lab' }] } })
      await api.put(`/datasets/${id}_2`, { perm_files: { read: { groups: [{ path: 'other' }] } } })
      t.match((await get(api, `/datasets/${id}_1`))['perm_files'], { read: { groups: [{ path: 'lab' }] } })
    })

    const refused: [title: string, body: unknown, status: number, code: string, pointer?: string][] = [
      ['a key field', { id: 5 }, 400, 'invalid_body', '/id'],
      ['the version', { version: 2 }, 400, 'invalid_body', '/version'],
      ['a read-only field', { created_at: '2024-01-01T00:00:00Z' }, 400, 'invalid_body', '/created_at'],
      ['an unknown field', { nope: 1 }, 400, 'invalid_body', '/nope'],
      ['an array', [{ note: 'x' }], 400, 'invalid_body'],
      ['null for what is required', { name: null }, 400, 'invalid_body', '/name'],
      ['a missing reference', { project_id: 999999 }, 409, 'reference_missing'],
      ['a new child without its required field', { files: [{}] }, 400, 'missing_fields', '/files/0'],
    ]
    for (const [title, body, status, code, pointer] of refused) {
      t.test(`${title} in the body is ${status} and releases nothing`, async (t) => {
        const { id } = await tree(api)
        const answer = await api.post(`/datasets/${id}_1/release`, body)
        t.match(answer, {
          status,
          body: { code, ...(pointer === undefined ? {} : { errors: [{ pointer }] }) },
        })
        t.equal((await api.get(`/datasets/${id}_2`)).status, 404)
        t.match(await get(api, `/datasets/${id}_1`), { is_latest: true })
      })
    }

    t.test('a child of the old version cannot be named', async (t) => {
      const { id } = await tree(api)
      const [file] = await list(api, `/datasets/${id}_1/files?sort=id`)
      const answer = await api.post(`/datasets/${id}_1/release`, { files: [{ id: file?.['id'] }] })
      t.match(answer, { status: 400, body: { code: 'invalid_body', errors: [{ pointer: '/files/0' }] } })
    })

    t.test('only the newest version is released, and a missing one is not found', async (t) => {
      const { id } = (await api.post('/datasets', { name: 'd' })).body as Row
      await api.post(`/datasets/${id}_1/release`)
      t.match(await api.post(`/datasets/${id}_1/release`), {
        status: 409,
        body: { code: 'not_latest_version' },
      })
      t.match(await api.post(`/datasets/${id}_9/release`), { status: 404 })
      t.equal((await api.delete(`/datasets/${id}_2`)).status, 204)
      t.match(await get(api, `/datasets/${id}_1`), { is_latest: true })
      t.match(await api.post(`/datasets/${id}_1/release`), { status: 201, body: { version: 3 } })
    })

    t.test('simultaneous releases give one new version', async (t) => {
      const { id } = await tree(api)
      const answers = await Promise.all(
        Array.from({ length: 25 }, (_, index) =>
          api.post(`/datasets/${id}_1/release`, { note: `n${index}` }),
        ),
      )
      const statuses = answers.map((answer) => answer.status).sort()
      t.same(statuses, [201, ...Array.from({ length: 24 }, () => 409)])
      t.equal((await list(api, `/datasets?id=${id}`)).length, 2)
    })

    t.test('a strict resource changes by release only', async (t) => {
      const { body } = await api.post('/papers', { title: 't', notes: [{ text: 'n' }] })
      const { id } = body as Row
      t.match(await api.put(`/papers/${id}_1`, { note: 'x' }), {
        status: 409,
        body: { code: 'versioned_readonly' },
      })
      t.equal((await api.post(`/papers/${id}_1/notes`, [{ text: 'm' }])).status, 201)
      t.match(await api.post(`/papers/${id}_1/release`, { note: 'x' }), {
        status: 201,
        body: { note: 'x', notes: [{ text: 'n' }, { text: 'm' }] },
      })
    })

    t.test('new versions arise by release only', async (t) => {
      const { id } = await tree(api)
      t.match(await api.post('/datasets', { id, version: 2, name: 'z' }), { status: 400 })
      t.match(await api.post('/datasets', { id: 70_000, version: 1, name: 'z' }), { status: 201 })
    })

    t.test('the newest of each entity, and what a release has written', async (t) => {
      const { id } = await tree(api)
      await api.post(`/datasets/${id}_1/release`, { note: 'n' })
      t.match(await list(api, `/datasets?id=${id}&is_latest=true`), [{ version: 2 }])
      t.match(await list(api, `/datasets?id=${id}&version.max_v()`), [{ version: 2 }])
      t.match(await list(api, `/datasets?id=${id}&version.min_v()`), [{ version: 1 }])
    })
  })
}
