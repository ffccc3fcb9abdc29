/** What only a real S3 service can show: many parts, long lists. */
import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { openBucket } from '../../../plugins/s3/store/bucket.js'
import { putPart } from '../../plugins/s3/store-suite.js'
import { MB, type Part, startFiles } from '../../plugins/s3/world.js'
import { bucketStore, testBucket } from './bucket.js'

t.test('a file of more than 100 MB goes up in parts of 5 MB, aborted and resumed', async (t) => {
  const api = await startFiles(t, { dialect: 'sqlite', store: bucketStore() })
  const size = 103 * MB
  const slice = randomBytes(5 * MB)
  const bytesOf = (part: Part) => slice.subarray(0, part.size)
  const whole = createHash('sha256')
  const made = await api.post('/files', { filename: 'big', extension: 'bin', size })
  const parts = made.body.upload.parts as Part[]
  t.equal(parts.length, 21)
  for (const part of parts) whole.update(bytesOf(part))
  for (const part of parts.slice(0, 7)) t.equal((await putPart(part.url ?? '', bytesOf(part))).status, 200)

  const aborted = new AbortController()
  const broken = fetch(parts[7]?.url ?? '', {
    method: 'PUT',
    body: new Uint8Array(slice),
    signal: aborted.signal,
  })
  setTimeout(() => aborted.abort(), 5)
  await broken.then((answer) => answer.arrayBuffer()).catch(() => {})

  const resumed = (await api.get('/files/1/upload')).body.parts as Part[]
  t.ok(resumed.slice(0, 7).every((part) => part.etag !== null && part.url === null))
  const list = resumed.map((part) => ({ PartNumber: part.part_number, ETag: part.etag }))
  for (const part of resumed.filter(({ url }) => url !== null)) {
    const answer = await putPart(part.url ?? '', bytesOf(part))
    const entry = list[part.part_number - 1]
    if (entry !== undefined) entry.ETag = answer.headers.get('etag')
  }
  t.equal((await api.put('/files/1/complete', list.toReversed())).status, 201)
  const { url } = (await api.get('/files/1/download?redirect=false')).body
  const got = createHash('sha256')
  const answer = await fetch(url)
  for await (const chunk of answer.body ?? []) got.update(chunk)
  t.equal(got.digest('hex'), whole.digest('hex'))
})

t.test('a part list of more than 1 000 entries is read to its end', async (t) => {
  const { settings } = await testBucket(t)
  const store = openBucket(settings)
  t.teardown(() => store.close())
  const key = 'many'
  const uploadId = await store.createMultipart(key, 'text/plain', 'mark')
  const numbers = Array.from({ length: 1007 }, (_, index) => index + 1)
  for (let start = 0; start < numbers.length; start += 16) {
    await Promise.all(
      numbers.slice(start, start + 16).map(async (partNumber) => {
        const url = await store.signPart({ key, uploadId, partNumber, size: 1, expiresInSeconds: 600 })
        t.equal((await putPart(url, Buffer.from('x'))).status, 200)
      }),
    )
  }
  const parts = await store.listParts(key, uploadId)
  t.same(
    parts?.map((part) => part.partNumber),
    numbers,
  )
  await store.abortMultipart(key, uploadId)
})

t.test('an answer signs at most 1 000 parts', async (t) => {
  const api = await startFiles(t, { dialect: 'sqlite', store: bucketStore() })
  const made = await api.post('/files', { filename: 'huge', extension: 'bin', size: 1100 * 5 * MB })
  const parts = made.body.upload.parts as Part[]
  t.equal(parts.length, 1100)
  t.equal(parts.filter(({ url }) => url !== null).length, 1000)
})
