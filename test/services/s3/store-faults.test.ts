import t from 'tap'
import { openBucket } from '../../../plugins/s3/store/bucket.js'
import { type ObjectStore, StoreError } from '../../../plugins/s3/store/store.js'
import { putPart, signForm } from '../../plugins/s3/store-suite.js'
import { testBucket } from './bucket.js'
import { type Fault, faultProxy } from './proxy.js'

async function failure(run: () => Promise<unknown>): Promise<string> {
  try {
    await run()
    return 'success'
  } catch (error) {
    return error instanceof StoreError ? error.failure : String(error)
  }
}

/** An upload of one part, ready to be completed. */
async function partlyDone(store: ObjectStore, direct: ObjectStore, key: string) {
  const uploadId = await store.createMultipart(key, 'text/plain', 'mark')
  const url = await direct.signPart({ key, uploadId, partNumber: 1, size: 3, expiresInSeconds: 60 })
  const answer = await putPart(url, Buffer.from('abc'))
  return {
    uploadId,
    parts: [{ partNumber: 1, etag: (answer.headers.get('etag') ?? '').replaceAll('"', '') }],
  }
}

t.test('whatever the store answers, nothing is taken for granted', async (t) => {
  const { settings } = await testBucket(t)
  const proxy = await faultProxy(t, settings.endpoint ?? '')
  const store = openBucket({ ...settings, endpoint: proxy.url })
  const direct = openBucket(settings)
  t.teardown(async () => {
    await store.close()
    await direct.close()
  })
  const faults: Fault[] = ['refuse', 'reset', 'error', 'html', 'silent']
  for (const fault of faults) {
    t.test(`a store that answers with ${fault}`, async (t) => {
      proxy.fail(() => 'pass')
      const key = `faults/${fault}`
      const { uploadId, parts } = await partlyDone(store, direct, key)
      proxy.fail(() => fault)
      const started = Date.now()
      const calls: (() => Promise<unknown>)[] = [
        () => store.createMultipart(`${key}-2`, 'text/plain', 'mark'),
        () => store.listParts(key, uploadId),
        () =>
          store.copy({
            from: key,
            to: `${key}-3`,
            ifMatch: 'x',
            contentType: 'text/plain',
            checksum: false,
            mark: 'mark',
          }),
      ]
      // a slow call may be silent for longer: it is tried with the quick ones' faults only
      if (fault !== 'silent') calls.push(() => store.completeMultipart(key, uploadId, parts))
      else calls.pop()
      for (const call of calls) t.equal(await failure(call), 'unavailable', call.toString())
      t.ok(Date.now() - started < 6000 * calls.length, 'within 5 s each')
      proxy.fail(() => 'pass')
      t.equal((await store.listParts(key, uploadId))?.length, 1, 'the upload is what it was')
      await store.completeMultipart(key, uploadId, parts)
      t.equal((await store.head(key))?.size, 3)
    })
  }

  t.test('a completion whose answer was lost has happened', async (t) => {
    proxy.fail(() => 'pass')
    const key = 'faults/lost'
    const { uploadId, parts } = await partlyDone(store, direct, key)
    proxy.fail((request) => (request.method === 'POST' ? 'lost' : 'pass'))
    // the SDK asks again and hears that there is no such upload
    t.not(await failure(() => store.completeMultipart(key, uploadId, parts)), 'success')
    t.equal((await store.head(key))?.size, 3)
  })

  t.test('a slow store is waited for', async (t) => {
    proxy.fail(() => 'slow')
    t.type(await store.createMultipart('faults/slow', 'text/plain', 'mark'), 'string')
  })

  t.test('signing asks nobody', async (t) => {
    const before = proxy.seen.length
    await store.signPart({ key: 'x', uploadId: 'u', partNumber: 1, size: 1, expiresInSeconds: 60 })
    await store.signDownload({
      key: 'x',
      versionId: null,
      disposition: 'attachment',
      contentType: 'text/plain',
      expiresInSeconds: 60,
    })
    await signForm(store, {
      key: 'x',
      size: 1,
      contentType: 'text/plain',
      sha256: null,
      redirect: 'http://x.example/',
      expiresInSeconds: 60,
    })
    t.equal(proxy.seen.length, before)
  })
})
