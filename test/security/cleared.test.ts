/** Foreign keys that a delete would clear are columns of rows with rights of their own. */
import t from 'tap'
import { HEADER_AUTH, startApi } from '../helpers/api.js'
import { DIALECTS } from '../helpers/databases.js'

const CONFIG = `
plugins: { ${HEADER_AUTH}: {} }
resources:
  Project:
    columns: { name: string! }
    relations: { datasets: { many: Dataset }, papers: { many: Paper }, notes: { many: Note } }
    permissions: { datasets: { verbs: [read, write] } }
  Dataset:
    columns: { name: string! }
    relations: { project: { one: Project, on_delete: set_null } }
  Note:
    columns: { text: string! }
    relations: { project: { one: Project, on_delete: set_null } }
    access: { update: [editors] }
  Paper:
    versioned: strict
    columns: { title: string! }
    relations: { project: { one: Project, on_delete: set_null } }
`
const ROOT = { username: 'root', groups: ['admin'] }
const MEMBER = { username: 'mia', groups: ['lab'] }
const OUTSIDER = { username: 'olga', groups: [] }

for (const dialect of DIALECTS) {
  t.test(`${dialect}: deleting what carries lists does not open the rows that they close`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    const root = api.as(ROOT)
    await root.post('/groups', { path: 'lab' })
    const lists = (verb: string) => ({ perm_datasets: { [verb]: { groups: [{ path: 'lab' }] } } })
    await root.post('/projects', [
      { name: 'read', ...lists('read'), datasets: [{ name: 'r' }] },
      { name: 'write', ...lists('write'), datasets: [{ name: 'w' }] },
      { name: 'noted', notes: [{ text: 'n' }] },
      { name: 'open', datasets: [{ name: 'o' }] },
    ])
    const cases = [
      [null, 1, 401],
      [OUTSIDER, 1, 403],
      [OUTSIDER, 2, 403],
      [OUTSIDER, 3, 403],
      [MEMBER, 2, 204],
      [OUTSIDER, 4, 204],
    ] as const
    for (const [who, id, status] of cases) {
      const answer = await api.as(who).delete(`/projects/${id}`)
      t.equal(answer.status, status, `${who?.username ?? 'nobody'} deletes project ${id}`)
    }
    const shown = await api.as(OUTSIDER).get('/datasets?fields=name&sort=name')
    t.same(
      shown.body.map(({ name }: { name: string }) => name),
      ['o', 'w'],
    )
  })

  t.test(`${dialect}: foreign keys of strict rows are not cleared either`, async (t) => {
    const api = await startApi(t, CONFIG, { dialect })
    const root = api.as(ROOT)
    await root.post('/papers', { title: 'p', project: { name: 'held' } })
    const refused = await root.delete('/projects/1')
    t.match(refused, { status: 409, body: { code: 'versioned_readonly' } })
    t.equal((await root.get('/papers/1_1')).body.project_id, 1)
    await root.delete('/papers/1_1')
    t.equal((await root.delete('/projects/1')).status, 204)
  })
}
