import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { sendForm } from './store-suite.js'
import { AUTH, embeddedStore, follow, formOf, startFiles, who } from './world.js'

const RESOURCES = {
  Project: {
    columns: { name: 'string(50)!' },
    relations: { files: { many: 'File' } },
    permissions: { files: { verbs: ['read', 'write', 'download'] } },
  },
  File: {
    traits: ['s3.file'],
    relations: { project: { one: 'Project', required: true } },
    access: { create: ['lab'], update: ['lab'], download: ['lab', 'guests'] },
  },
}
const FILE = { filename: 'a', extension: 'txt', size: 5 }
const member = who('ada', 'lab')
const guest = who('bob', 'guests')
const other = who('eve', 'lab__other')
const nobody = {}

for (const dialect of DIALECTS) {
  t.test(`on ${dialect}`, async (t) => {
    const api = await startFiles(
      t,
      { dialect, store: embeddedStore },
      { resources: RESOURCES, plugins: AUTH },
    )
    const admin = who('root', 'admin')
    for (const path of ['lab', 'lab__other', 'guests'])
      t.equal((await api.post('/groups', { path }, admin)).status, 201, path)
    const made = await api.post('/projects', { name: 'p', files: [FILE] }, member)
    t.equal(made.status, 201)
    const upload = (await api.get('/files/1/upload', member)).body

    t.test('an upload is shown to those who may write the file', async (t) => {
      t.type((await api.get('/files/1', member)).body.upload.parts[0].url, 'string')
      t.equal((await api.get('/files/1', guest)).body.upload, null)
      t.equal((await api.get('/files/1', nobody)).body.upload, null)
      t.type((await api.get('/files?fields=id,upload', member)).body[0].upload.parts[0].url, 'string')
      t.equal((await api.get('/files?fields=id,upload', guest)).body[0].upload, null)
      t.notMatch(
        JSON.stringify((await api.get('/files', member)).body),
        /_objects/,
        'a list signs only when asked',
      )
      t.notMatch(JSON.stringify((await api.get('/projects/1?fields=files', member)).body), /_objects/)
    })

    t.test('routes ask for their verb', async (t) => {
      const cases: [method: string, path: string, member: number, guest: number, nobody: number][] = [
        ['GET', '/files/1/upload', 200, 403, 401],
        ['PUT', '/files/1/complete', 409, 403, 401],
        ['POST', '/files/1/upload', 201, 403, 401],
        ['GET', '/files/1/download', 409, 409, 401],
        ['DELETE', '/files/1/upload', 204, 403, 401],
      ]
      for (const [method, path, ...expected] of cases) {
        const callers = [member, guest, nobody] as const
        // the one who may goes last: it changes things
        for (const index of [2, 1, 0] as const) {
          const answer = await api.request({ method, path, headers: callers[index] })
          t.equal(answer.status, expected[index], `${method} ${path} for ${JSON.stringify(callers[index])}`)
        }
      }
    })

    t.test('lists of a project decide about its files', async (t) => {
      const closed = {
        perm_files: { read: { groups: [{ path: 'lab' }] }, download: { groups: [{ path: 'lab__other' }] } },
      }
      t.equal((await api.put('/projects/1', closed, member)).status, 200)
      t.equal((await api.get('/files/1/download', guest)).status, 404, 'what one may not read is not there')
      t.equal((await api.get('/files/1/download', member)).status, 403)
      t.equal((await api.get('/files/1/download', other)).status, 409)
      const written = { perm_files: { ...closed.perm_files, write: { groups: [{ path: 'lab__other' }] } } }
      t.equal((await api.put('/projects/1', written, member)).status, 200)
      t.equal((await api.get('/files/1', member)).body.upload, null)
      t.equal((await api.post('/files/1/upload', undefined, member)).status, 403)
      t.equal((await api.post('/files/1/upload', undefined, other)).status, 201)
      t.type((await api.get('/files/1', other)).body.upload.parts[0].url, 'string')
    })

    t.test('who has no token of the callback does not learn which files there are', async (t) => {
      for (const id of [1, 999]) {
        const answer = await api.get(`/files/${id}/post_success?token=x`, nobody)
        t.equal(answer.status, 403)
        t.equal(answer.headers['access-control-allow-origin'], '*')
      }
    })

    t.test('the callback needs no token of a person', async (t) => {
      t.notOk(upload.parts[0].etag)
      const { parts } = (await api.get('/files/1/upload', other)).body
      const answer = await follow(await sendForm(formOf(parts[0]), Buffer.from('hello')))
      t.equal(answer.status, 201)
    })

    t.test('what these routes write is in the history, without its secrets', async (t) => {
      await api.get('/files/1/download', other)
      const made = await api.post('/files', { ...FILE, project_id: 1 }, other)
      t.equal(made.status, 201)
      t.equal((await api.delete(`/files/${made.body.id}/upload`, other)).status, 204)
      const { core } = api.runtime
      const written = await core.database.rows({
        text: `SELECT username, method, path, resource, key, body FROM biodm_history WHERE path LIKE '/files/%' ORDER BY id`,
        values: [],
      })
      const about = { resource: 'File', body: null }
      t.match(written.slice(-3), [
        { ...about, username: null, method: 'GET', path: '/files/1/post_success', key: '1' },
        { ...about, username: 'eve', method: 'GET', path: '/files/1/download', key: '1' },
        { ...about, username: 'eve', method: 'DELETE', path: `/files/${made.body.id}/upload` },
      ])
      t.notMatch(JSON.stringify(written), /token=|signature/)
    })
  })
}

t.test('under require_auth only signed addresses and the callback are open', async (t) => {
  const api = await startFiles(
    t,
    { dialect: 'sqlite', store: embeddedStore },
    { plugins: AUTH, server: { require_auth: true }, resources: { File: { traits: ['s3.file'] } } },
  )
  t.equal((await api.get('/files')).status, 401)
  const made = await api.post('/files', FILE, member)
  const answer = await follow(await sendForm(formOf(made.body.upload.parts[0]), Buffer.from('hello')))
  t.equal(answer.status, 201)
  t.equal((await api.get('/files/1/download')).status, 401)
  const { url } = (await api.get('/files/1/download?redirect=false', member)).body
  t.equal(await (await fetch(url)).text(), 'hello')
})
