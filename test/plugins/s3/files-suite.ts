/** The life of a file over HTTP: the same on the embedded store and on a bucket, on both databases. */
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { putPart, sendForm, sha256 } from './store-suite.js'
import { follow, formOf, MB, type Part, sendParts, startFiles, uploadedFile, type World } from './world.js'

const HELLO = Buffer.from('hello')

export function shouldServeFiles(t: Test, world: World): void {
  t.test('a small file: announced, sent by its form, called back, downloaded', async (t) => {
    const api = await startFiles(t, world)
    const about = {
      filename: 'né 1',
      extension: 'txt',
      size: 5,
      content_type: 'text/plain',
      sha256: sha256(HELLO),
    }
    const made = await api.post('/files', about)
    t.equal(made.status, 201)
    t.match(made.body, { id: 1, filename: 'né 1', ready: false, dl_count: 0, validated_at: null })
    t.type(made.body.emitted_at, 'string')
    t.notOk('key_salt' in made.body || 'object_key' in made.body, 'what is internal stays so')
    const [part] = made.body.upload.parts as Part[]
    t.match(part, { part_number: 1, offset: 0, size: 5, method: 'POST', etag: null })
    t.equal((await api.get('/files/1/download')).body.code, 'file_not_uploaded')
    t.equal((await api.put('/files/1/complete')).body.code, 'file_not_uploaded')

    const sent = await sendForm(formOf(part as Part), HELLO)
    t.equal(sent.status, 303, await sent.clone().text())
    const called = await follow(sent)
    t.equal(called.status, 201)
    t.equal(await called.text(), 'Uploaded.')
    t.equal(called.headers.get('access-control-allow-origin'), '*')
    t.equal((await follow(sent)).status, 201, 'a second call is fine')
    t.equal((await api.put('/files/1/complete')).status, 201, 'so is a completion')

    const file = (await api.get('/files/1')).body
    t.match(file, { ready: true, upload: null, dl_count: 0, validated_at: String })
    t.equal((await api.get('/files/1/upload')).status, 404)
    const download = await api.get('/files/1/download')
    t.equal(download.status, 307)
    const got = await fetch(download.headers['location'] ?? '')
    t.equal(await got.text(), 'hello')
    t.equal(got.headers.get('content-type'), 'text/plain')
    t.equal(
      got.headers.get('content-disposition'),
      `attachment; filename="n_ 1.txt"; filename*=UTF-8''n%C3%A9%201.txt`,
    )
    const address = await api.get('/files/1/download?redirect=false')
    t.equal(await (await fetch(address.body.url)).text(), 'hello')
    t.equal((await api.get('/files/1')).body.dl_count, 2)
    t.equal((await api.request({ method: 'HEAD', path: '/files/1/download' })).status, 307)
    t.equal((await api.get('/files/1')).body.dl_count, 2, 'a HEAD is no download')
    t.equal((await api.get('/files/1/download?redirect=maybe')).status, 400)
  })

  t.test('a large file: parts in any order, resumed, completed once', async (t) => {
    const api = await startFiles(t, world)
    const bytes = randomBytes(11 * MB)
    const made = await api.post('/files', {
      filename: 'big',
      extension: 'bin',
      size: bytes.length,
      sha256: sha256(bytes),
    })
    const parts = made.body.upload.parts as Part[]
    t.same(
      parts.map(({ part_number, offset, size, method }) => [part_number, offset, size, method]),
      [
        [1, 0, 5 * MB, 'PUT'],
        [2, 5 * MB, 5 * MB, 'PUT'],
        [3, 10 * MB, MB, 'PUT'],
      ],
    )
    await sendParts(parts.slice(2), bytes)
    const resumed = (await api.get('/files/1/upload')).body.parts as Part[]
    t.same(
      resumed.map(({ url, etag }) => [typeof url, typeof etag]),
      [
        ['string', 'object'],
        ['string', 'object'],
        ['object', 'string'],
      ],
    )
    t.equal(
      (await putPart(resumed[0]?.url ?? '', bytes.subarray(0, 7))).status === 200,
      false,
      'another size is refused',
    )
    const rest = await sendParts(resumed.slice(0, 2), bytes)
    const all = [{ PartNumber: 3, ETag: resumed[2]?.etag ?? '' }, ...rest.reverse()]

    const wrong: [title: string, body: unknown][] = [
      ['nothing', undefined],
      ['an empty list', []],
      ['an empty part', [{}]],
      ['a subset', all.slice(1)],
      ['a repeated part', [...all, all[0]]],
      ['a part that is not in the plan', [...all, { PartNumber: 4, ETag: 'x' }]],
      ['another ETag', [{ PartNumber: 3, ETag: 'f'.repeat(32) }, ...rest]],
      ['no object', { PartNumber: 1 }],
      ['a wrong type', [{ PartNumber: '1', ETag: 'x' }]],
    ]
    for (const [title, body] of wrong) t.equal((await api.put('/files/1/complete', body)).status, 400, title)
    t.equal((await api.get('/files/1/upload')).body.parts.length, 3, 'nothing is lost')

    const answers = await Promise.all(Array.from({ length: 4 }, () => api.put('/files/1/complete', all)))
    t.same(
      answers.map(({ status }) => status),
      [201, 201, 201, 201],
    )
    t.equal(answers[0]?.body, 'Completed.')
    t.equal((await api.put('/files/1/complete', all)).status, 201, 'again')
    t.match((await api.get('/files/1')).body, { ready: true, upload: null })
    const address = await api.get('/files/1/download?redirect=false')
    t.equal(sha256(Buffer.from(await (await fetch(address.body.url)).arrayBuffer())), sha256(bytes))
  })

  t.test('a content that is not what was announced is removed and said', async (t) => {
    const api = await startFiles(t, world)
    const bytes = randomBytes(6 * MB)
    const made = await api.post('/files', {
      filename: 'big',
      extension: 'bin',
      size: bytes.length,
      sha256: '0'.repeat(64),
    })
    const list = await sendParts(made.body.upload.parts, bytes)
    const done = await api.put('/files/1/complete', list)
    t.equal(done.status, 409)
    t.equal(done.body.code, 'file_not_uploaded')
    t.match((await api.get('/files/1')).body, { ready: false })
    t.equal((await api.get('/files/1/upload')).status, 404, 'its upload is over')
    const renewed = await api.post('/files/1/upload')
    t.equal(renewed.status, 201)
    t.equal(renewed.body.parts.length, 2)
  })

  t.test('a form that is used again changes no file', async (t) => {
    const api = await startFiles(t, world)
    const made = await api.post('/files', { filename: 'a', extension: 'txt', size: 5 })
    const form = formOf(made.body.upload.parts[0])
    await follow(await sendForm(form, HELLO))
    const again = await sendForm(form, Buffer.from('other'))
    t.equal(again.status, 303, 'the store allows it')
    t.equal((await follow(again)).status, 201)
    const address = await api.get('/files/1/download?redirect=false')
    t.equal(await (await fetch(address.body.url)).text(), 'hello')
  })

  t.test('an upload is cancelled, and begun anew', async (t) => {
    const api = await startFiles(t, world)
    const made = await api.post('/files', { filename: 'a', extension: 'txt', size: 5 })
    const old = formOf(made.body.upload.parts[0])
    t.equal((await api.delete('/files/1/upload')).status, 204)
    t.equal((await api.get('/files/1/upload')).status, 404)
    t.equal((await api.delete('/files/1/upload')).status, 404)
    t.equal((await api.get('/files/1')).body.upload, null)
    t.equal((await follow(await sendForm(old, HELLO))).status, 404, 'the old form leads nowhere')
    const renewed = await api.post('/files/1/upload')
    t.equal(renewed.status, 201)
    t.not(renewed.body.id, made.body.upload.id)
    t.equal((await follow(await sendForm(formOf(renewed.body.parts[0]), HELLO))).status, 201)
    t.equal((await api.get('/files/1')).body.ready, true)
    t.equal((await api.post('/files/1/upload')).status, 409, 'a complete file stays')
    t.equal((await api.delete('/files/1/upload')).status, 404)
  })

  t.test('an expired upload is gone, and can be begun anew', async (t) => {
    const api = await startFiles(t, world, { s3: { pending_expiration: '1s' } })
    await api.post('/files', { filename: 'a', extension: 'txt', size: 5 })
    await new Promise((resolve) => setTimeout(resolve, 1100))
    t.equal((await api.get('/files/1/upload')).status, 404)
    t.equal((await api.get('/files/1')).body.upload, null)
    t.equal((await api.put('/files/1/complete')).status, 404)
    t.equal((await api.post('/files/1/upload')).status, 201)
    t.equal((await api.get('/files/1/upload')).status, 200)
  })

  t.test('a file in the place of a deleted one does not have its bytes', async (t) => {
    const resources = { Sheet: { traits: { 's3.file': { key: 'sheets/{id}.{extension}' } } } }
    const api = await startFiles(t, world, { resources })
    const about = { filename: 'a', extension: 'txt', size: 5 }
    for (let id = 1; id <= 8; id++) {
      await uploadedFile(api, '/sheets', HELLO, { id })
      const [gone] = await Promise.all([
        api.delete(`/sheets/${id}`),
        ...Array.from({ length: 3 }, () => api.post('/sheets', { ...about, id })),
      ])
      t.equal(gone.status, 204)
      await api.post('/sheets', { ...about, id })
      t.equal((await api.put(`/sheets/${id}/complete`)).body.code, 'file_not_uploaded')
      t.match((await api.get(`/sheets/${id}`)).body, { ready: false })
    }
    const { parts } = (await api.get('/sheets/8/upload')).body
    t.equal((await follow(await sendForm(formOf(parts[0]), Buffer.from('other')))).status, 201)
    const { url } = (await api.get('/sheets/8/download?redirect=false')).body
    t.equal(await (await fetch(url)).text(), 'other')
  })

  t.test('a callback needs its own token', async (t) => {
    const api = await startFiles(t, world)
    const first = await api.post('/files', { filename: 'a', extension: 'txt', size: 5 })
    await api.post('/files', { filename: 'b', extension: 'txt', size: 5 })
    const sent = await sendForm(formOf(first.body.upload.parts[0]), HELLO)
    const callback = new URL(sent.headers.get('location') ?? '')
    for (const path of [
      `/files/2/post_success${callback.search}`,
      '/files/1/post_success',
      '/files/1/post_success?token=x',
    ])
      t.equal((await api.get(path)).status, 403, path)
    t.equal((await api.get('/files/1')).body.ready, false)
    t.equal((await fetch(callback)).status, 201)
  })

  t.test('deleting a file deletes its object', async (t) => {
    const api = await startFiles(t, world)
    await uploadedFile(api, '/files', HELLO)
    const { url } = (await api.get('/files/1/download?redirect=false')).body
    t.equal((await api.delete('/files/1')).status, 204)
    for (let i = 0; i < 100 && (await fetch(url)).status === 200; i++)
      await new Promise((r) => setTimeout(r, 50))
    t.equal((await fetch(url)).status, 404)
  })

  t.test('files nested in a tree have uploads too', async (t) => {
    const api = await startFiles(t, world)
    const made = await api.post('/datasets', {
      name: 'run / 7',
      runs: [
        { filename: 'a', extension: 'txt', size: 5 },
        { filename: 'b', extension: 'bin', size: 6 * MB },
      ],
    })
    t.equal(made.status, 201)
    t.notMatch(JSON.stringify(made.body), /https?:/, 'signed only where somebody asks for them')
    for (const id of [1, 2]) t.equal((await api.get(`/runs/${id}/upload`)).status, 200)
    const { parts } = (await api.get('/runs/1/upload')).body
    t.match(parts[0].fields.key, /^_pending\/[^/]+\/run _ 7\/[^/]+_a\.txt$/)
  })
}
