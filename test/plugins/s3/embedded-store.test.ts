import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
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
  const uploadId = await store.createMultipart(key, 'text/plain')
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
  ]
  for (const [range, ifRange, expected] of cases)
    t.same(rangeOf(range, ifRange, '"e"', 10), expected, String(range))
  t.throws(() => rangeOf('bytes=10-', undefined, '"e"', 10), { code: 'range_not_satisfiable' })
  t.throws(() => rangeOf('bytes=-0', undefined, '"e"', 10), { code: 'range_not_satisfiable' })
})
