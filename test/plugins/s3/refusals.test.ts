import { readdir } from 'node:fs/promises'
import t from 'tap'
import { DIALECTS } from '../../helpers/databases.js'
import { MB, startFiles, uploadedFile } from './world.js'

const GB = 1024 ** 3
const FILE = { filename: 'a', extension: 'txt', size: 5 }

async function everything(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}

for (const dialect of DIALECTS) {
  t.test(`on ${dialect}`, async (t) => {
    const dir = t.testdir()
    const world = { dialect, store: async () => ({ endpoint: `file:${dir}` }) }
    const api = await startFiles(t, world, { s3: { size_limit: '6gb' } })

    t.test('what cannot be a file is refused before anything exists anywhere', async (t) => {
      const cases: [title: string, body: Record<string, unknown>, pointer: string][] = [
        ['a slash', { ...FILE, filename: 'a/b' }, '/filename'],
        ['a backslash', { ...FILE, filename: 'a\\b' }, '/filename'],
        ['a quote', { ...FILE, filename: 'a"b' }, '/filename'],
        ['a line feed', { ...FILE, filename: 'a\nb' }, '/filename'],
        ['two dots', { ...FILE, filename: '..' }, '/filename'],
        ['nothing', { ...FILE, filename: '' }, '/filename'],
        ['too long a name', { ...FILE, filename: 'x'.repeat(301) }, '/filename'],
        ['a bad extension', { ...FILE, extension: 'a/b' }, '/extension'],
        ['too long an extension', { ...FILE, extension: 'x'.repeat(11) }, '/extension'],
        ['a negative size', { ...FILE, size: -1 }, '/size'],
        ['a fraction', { ...FILE, size: 1.5 }, '/size'],
        ['more than the limit', { ...FILE, size: 6 * GB + 1 }, '/size'],
        ['a checksum beyond 5 gb', { ...FILE, size: 5 * GB + 1, sha256: 'a'.repeat(64) }, '/sha256'],
        ['a short checksum', { ...FILE, sha256: 'abc' }, '/sha256'],
        [
          'a media type that breaks a header',
          { ...FILE, content_type: 'text/plain\r\nX: y' },
          '/content_type',
        ],
        ['no media type', { ...FILE, content_type: 'text' }, '/content_type'],
        ['a key', { ...FILE, object_key: 'x' }, '/object_key'],
        ['a salt', { ...FILE, key_salt: 'b7f3f7c0-0000-4000-8000-000000000000' }, '/key_salt'],
        ['readiness', { ...FILE, ready: true }, '/ready'],
        ['an upload', { ...FILE, upload: { id: 1 } }, '/upload'],
        ['downloads', { ...FILE, dl_count: 3 }, '/dl_count'],
      ]
      for (const [title, body, pointer] of cases) {
        const answer = await api.post('/files', [FILE, body])
        t.equal(answer.status, 400, title)
        t.match(answer.body.errors, [{ pointer: `/1${pointer}` }], title)
      }
      const missing = await api.post('/files', { filename: 'a' })
      t.equal(missing.body.code, 'missing_fields')
      t.same((await api.get('/files')).body, [], 'no row')
      t.same(await everything(dir), [], 'and nothing in the store')
    })

    t.test('no file is found by its upload, which is made for each answer', async (t) => {
      for (const query of [
        'upload=1',
        'upload.id=1',
        'upload.parts.size=3',
        'upload.null()',
        'sort=upload',
      ]) {
        const answer = await api.get(`/files?${query}`)
        t.match(answer, { status: 400, body: { code: 'invalid_query' } }, query)
        t.match(
          answer.body.errors,
          [{ message: /^`upload` is made for each answer: .* `fields` only, as a/ }],
          query,
        )
      }
      t.equal((await api.get('/files?fields=upload.id')).status, 400)
      t.equal((await api.get('/files?fields=id,upload')).status, 200)
      t.match((await api.get('/files?fields=uplod')).body.detail, /did you mean `upload`/)
    })

    t.test('a refused sibling takes the multipart uploads of its request with it', async (t) => {
      const big = { filename: 'big', extension: 'bin', size: 20 * MB }
      const taken = { filename: 'x', extension: 'txt', size: 1, dataset: { name: 'd' } }
      t.equal((await api.post('/runs', taken)).status, 201)
      const body = { id: 1, version: 1, runs: [big, { ...taken, dataset: undefined }] }
      t.equal((await api.post('/datasets', body)).body.code, 'unique_violation')
      t.same(await everything(dir), [])
    })

    t.test('content changes by a release only, a name may change', async (t) => {
      const { id } = await uploadedFile(api, '/files', Buffer.from('hello'))
      for (const change of [{ size: 6 }, { sha256: 'a'.repeat(64) }, { content_type: 'text/html' }]) {
        const answer = await api.put(`/files/${id}`, change)
        t.equal(answer.status, 400, JSON.stringify(change))
      }
      t.equal(
        (await api.put(`/files/${id}`, { filename: 'renamed', size: 5 })).status,
        200,
        'the same size is no change',
      )
      const { url } = (await api.get(`/files/${id}/download?redirect=false`)).body
      const got = await fetch(url)
      t.match(got.headers.get('content-disposition'), /filename="renamed\.txt"/)
      t.equal(await got.text(), 'hello')
      t.equal((await api.put(`/files/${id}`, { filename: 'a/b' })).status, 400)
    })

    t.test('paths that lead nowhere', async (t) => {
      const cases: [method: string, path: string, status: number][] = [
        ['GET', '/files/999/download', 404],
        ['GET', '/files/999/upload', 404],
        ['POST', '/files/999/upload', 404],
        ['DELETE', '/files/999/upload', 404],
        ['PUT', '/files/999/complete', 404],
        ['GET', '/files/999/post_success?token=x', 403],
        ['GET', '/files/x/download', 400],
        ['POST', '/files/1/download', 405],
        ['GET', '/uploads', 404],
        ['GET', '/_objects/object?key=x&signature=y', 403],
        ['PUT', '/_objects/part?key=x', 403],
        ['POST', '/_objects', 400],
      ]
      for (const [method, path, status] of cases)
        t.equal((await api.request({ method, path })).status, status, `${method} ${path}`)
    })
  })
}
