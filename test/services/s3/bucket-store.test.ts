import t from 'tap'
import { openBucket } from '../../../plugins/s3/store/bucket.js'
import { sendForm, shouldBehaveLikeAnObjectStore, signForm } from '../../plugins/s3/store-suite.js'
import { testBucket } from './bucket.js'

t.test('a bucket', async (t) => {
  shouldBehaveLikeAnObjectStore(t, async (t) => {
    const store = openBucket((await testBucket(t)).settings)
    t.teardown(() => store.close())
    return { store, prefix: 'run/' }
  })
})

t.test('a bucket that keeps versions', async (t) => {
  shouldBehaveLikeAnObjectStore(t, async (t) => {
    const store = openBucket((await testBucket(t, { versioned: true })).settings)
    t.teardown(() => store.close())
    return { store, prefix: 'run/' }
  })
})

t.test('a download names the version that was checked', async (t) => {
  const store = openBucket((await testBucket(t, { versioned: true })).settings)
  t.teardown(() => store.close())
  const form = await signForm(store, {
    key: 'x',
    size: 5,
    contentType: 'text/plain',
    sha256: null,
    redirect: 'http://127.0.0.1:1/',
    expiresInSeconds: 60,
  })
  await sendForm(form, Buffer.from('first'))
  const versionId = (await store.head('x'))?.versionId ?? null
  t.type(versionId, 'string')
  await sendForm(form, Buffer.from('other'))
  const download = {
    key: 'x',
    versionId,
    disposition: 'attachment',
    contentType: 'text/plain',
    expiresInSeconds: 60,
  }
  t.equal(await (await fetch(await store.signDownload(download))).text(), 'first')
  await store.delete('x')
  t.equal((await fetch(await store.signDownload(download))).status, 404, 'no version is left behind')
})

t.test('a wrong bucket or key is not ready, and nothing is known', async (t) => {
  const { settings } = await testBucket(t)
  const wrong = [
    { ...settings, bucket: 'no-such-bucket-here' },
    { ...settings, credentials: { accessKeyId: 'nobody', secretAccessKey: 'nothing-at-all' } },
    { ...settings, endpoint: 'http://127.0.0.1:1' },
  ]
  for (const settings of wrong) {
    const store = openBucket(settings)
    t.teardown(() => store.close())
    await t.rejects(store.check(), { name: 'StoreError' })
    await t.rejects(store.createMultipart('x', 'text/plain', 'mark'), { name: 'StoreError' })
  }
})
