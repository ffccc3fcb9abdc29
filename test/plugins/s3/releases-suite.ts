/** What releases do to files: clones share objects, new versions wait for their content. */
import type { Test } from 'tap'
import { sendForm, sha256 } from './store-suite.js'
import { follow, formOf, startFiles, type World } from './world.js'

const HELLO = Buffer.from('hello')

export function shouldReleaseFiles(t: Test, world: World): void {
  t.test('a release of a dataset shares its files, none of them pending', async (t) => {
    const api = await startFiles(t, world)
    await api.post('/datasets', { name: 'd', runs: [{ filename: 'a', extension: 'txt', size: 5 }] })
    const refused = await api.post('/datasets/1_1/release')
    t.equal(refused.status, 409)
    t.equal(refused.body.code, 'file_not_uploaded')
    const { parts } = (await api.get('/runs/1/upload')).body
    await follow(await sendForm(formOf(parts[0]), HELLO))
    t.equal((await api.post('/datasets/1_1/release')).status, 201)
    const runs = (await api.get('/runs?sort=id')).body
    t.same(
      runs.map((run: { ready: boolean; dataset_version: number }) => [run.ready, run.dataset_version]),
      [
        [true, 1],
        [true, 2],
      ],
    )
    t.equal((await api.delete(`/runs/${runs[0].id}`)).status, 204)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const { url } = (await api.get(`/runs/${runs[1].id}/download?redirect=false`)).body
    t.equal(await (await fetch(url)).text(), 'hello', 'the clone keeps the object')
  })

  t.test('a release of a file waits for new content and leaves the old alone', async (t) => {
    const api = await startFiles(t, world)
    const made = await api.post('/reports', {
      filename: 'r',
      extension: 'txt',
      size: 5,
      sha256: sha256(HELLO),
    })
    await follow(await sendForm(formOf(made.body.upload.parts[0]), HELLO))
    await api.get('/reports/1_1/download')
    const bare = await api.post('/reports/1_1/release')
    t.equal(bare.status, 400)
    t.equal(bare.body.code, 'missing_fields')
    const released = await api.post('/reports/1_1/release', { size: 3 })
    t.equal(released.status, 201)
    t.match(released.body, {
      version: 2,
      ready: false,
      dl_count: 0,
      validated_at: null,
      size: 3,
      sha256: null,
    })
    t.equal(
      (await follow(await sendForm(formOf(released.body.upload.parts[0]), Buffer.from('new')))).status,
      201,
    )
    for (const [version, text] of [
      [1, 'hello'],
      [2, 'new'],
    ] as const) {
      const { url } = (await api.get(`/reports/1_${version}/download?redirect=false`)).body
      t.equal(await (await fetch(url)).text(), text, `version ${version}`)
    }
  })
}
