import { existsSync } from 'node:fs'
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { onDisk } from '../../../plugins/s3/store/embedded/files.js'
import { rangeOf } from '../../../plugins/s3/store/embedded/routes.js'
import { hostEmbedded } from './embedded-host.js'
import { sendForm, shouldBehaveLikeAnObjectStore, signForm } from './store-suite.js'

t.test('the embedded store', async (t) => {
  shouldBehaveLikeAnObjectStore(t, async (t) => ({
    store: await hostEmbedded(t, t.testdir(), 'run/_pending/'),
    prefix: 'run/',
  }))
})

async function tree(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

t.test('names on disk are hashes, never keys', async (t) => {
  const dir = t.testdir()
  const store = await hostEmbedded(t, dir, '_pending/')
  const form = {
    key: 'secret-name.txt',
    size: 1,
    contentType: 'text/plain',
    sha256: null,
    redirect: '',
    expiresInSeconds: 60,
  }
  t.equal((await sendForm(await signForm(store, form), Buffer.from('a'))).status, 204, 'without a redirect')
  t.same(
    (await tree(dir)).filter((path) => path.includes('secret')),
    [],
  )
})

t.test('an upload that breaks off leaves nothing', async (t) => {
  const dir = t.testdir()
  const store = await hostEmbedded(t, dir, '_pending/')
  await store.check()
  const key = 'big'
  const uploadId = await store.createMultipart(key, 'text/plain', 'mark')
  const before = await tree(dir)
  const url = new URL(
    await store.signPart({ key, uploadId, partNumber: 1, size: 1000, expiresInSeconds: 60 }),
  )
  await new Promise<void>((resolve) => {
    const sent = request(url, { method: 'PUT', headers: { 'content-length': 1000 } })
    sent.on('error', () => resolve())
    sent.write('only this', () => setTimeout(() => sent.destroy(), 50))
  })
  for (let i = 0; i < 50 && (await tree(dir)).length > before.length; i++)
    await new Promise((resolve) => setTimeout(resolve, 20))
  t.same(await tree(dir), before)
  t.same(await store.listParts(key, uploadId), [])
})

t.test('what a crash left is swept away once it is old', async (t) => {
  const dir = t.testdir()
  const store = await hostEmbedded(t, dir, '_pending/')
  await store.check()
  const [old, fresh] = [join(dir, 'tmp/old'), join(dir, 'tmp/fresh')]
  await writeFile(old, 'x')
  await writeFile(fresh, 'x')
  const longAgo = new Date(Date.now() - 25 * 3_600_000)
  await utimes(old, longAgo, longAgo)
  await store.sweep()
  await t.rejects(stat(old))
  t.equal(await readFile(fresh, 'utf8'), 'x')
})

t.test('one range is served, anything else is the whole', async (t) => {
  const cases: [range: string | undefined, ifRange: string | undefined, expected: object | null][] = [
    [undefined, undefined, null],
    ['bytes=0-0', undefined, { start: 0, end: 0 }],
    ['bytes=0-0,2-3', undefined, null],
    ['items=0-1', undefined, null],
    ['bytes=-', undefined, null],
    ['bytes=5-2', undefined, null],
    ['bytes=1-2', '"e"', { start: 1, end: 2 }],
    ['bytes=1-2', '"other"', null],
    ['bytes=-100', undefined, { start: 0, end: 9 }],
    ['Bytes=3-4', undefined, { start: 3, end: 4 }],
    ['bytes=8-99999999999999999999', undefined, { start: 8, end: 9 }],
  ]
  for (const [range, ifRange, expected] of cases)
    t.same(rangeOf(range, ifRange, '"e"', 10), expected, String(range))
  t.throws(() => rangeOf('bytes=10-', undefined, '"e"', 10), { code: 'range_not_satisfiable' })
  t.throws(() => rangeOf('bytes=99999999999999999999-', undefined, '"e"', 10), {
    code: 'range_not_satisfiable',
  })
  t.throws(() => rangeOf('bytes=-0', undefined, '"e"', 10), { code: 'range_not_satisfiable' })
})

const textForm = { key: '_pending/u/a', size: 5, contentType: 'text/plain', sha256: null, redirect: '' }

t.test('a form whose object is deleted at the same moment is taken, before or after it', async (t) => {
  const dir = t.testdir()
  const store = await hostEmbedded(t, dir, '_pending/')
  const form = await signForm(store, { ...textForm, expiresInSeconds: 600 })
  const bytes = Buffer.from('hello')
  for (let round = 0; round < 40; round++) {
    const answers = await Promise.all([
      sendForm(form, bytes),
      sendForm(form, bytes),
      ...Array.from({ length: 5 }, () => store.delete(textForm.key)),
      sendForm(form, bytes),
    ])
    const statuses = answers.flatMap((answer) => (answer instanceof Response ? [answer.status] : []))
    t.same(statuses, [204, 204, 204])
  }
  await store.delete(textForm.key)
  t.same(await tree(dir), [], 'and nothing stays behind')
})

t.test('a form that is refused after its file has arrived stores nothing', async (t) => {
  const dir = t.testdir()
  const store = await hostEmbedded(t, dir, '_pending/')
  const { url, fields } = await signForm(store, { ...textForm, expiresInSeconds: 600 })
  const file = new Blob(['hello'])
  const bodies: [title: string, more: [name: string, value: string | Blob][]][] = [
    ['two files', [['file', file]]],
    ['a field after the file', [['x-ignore-me', 'late']]],
  ]
  for (const [title, more] of bodies) {
    const body = new FormData()
    for (const [name, value] of [...Object.entries(fields), ['file', file] as const, ...more])
      body.append(name, value)
    t.equal((await fetch(url, { method: 'POST', body })).status, 400, title)
    t.equal(await store.head(textForm.key), null, title)
  }
  t.same(await tree(dir), [])
})

t.test('a download that the client has already is not sent again', async (t) => {
  const store = await hostEmbedded(t, t.testdir(), '_pending/')
  await sendForm(await signForm(store, { ...textForm, expiresInSeconds: 60 }), Buffer.from('hello'))
  const url = await store.signDownload({
    key: textForm.key,
    versionId: null,
    disposition: 'attachment',
    contentType: 'text/plain',
    expiresInSeconds: 60,
  })
  const etag = (await fetch(url)).headers.get('etag') ?? ''
  for (const [condition, status] of [
    [etag, 304],
    [`W/${etag}`, 304],
    [`"x", ${etag}`, 304],
    ['*', 304],
    ['"x"', 200],
  ] as const)
    t.equal((await fetch(url, { headers: { 'if-none-match': condition } })).status, status, condition)
})

t.test('a disk that fails has one defined answer', async (t) => {
  if (existsSync('/dev/full'))
    await t.rejects(
      onDisk(() => writeFile('/dev/full', 'x')),
      { code: 'storage_full' },
      'full',
    )
  await t.rejects(
    onDisk(() => readdir(join(t.testdir(), 'none'))),
    { message: /object folder failed/ },
  )
  await t.rejects(
    onDisk(() => Promise.reject(new TypeError('a fault of ours'))),
    TypeError,
  )
})
