/**
 * What every `ObjectStore` does, as clients and the plugin see it: run on the embedded store and on a real S3 service. All
 * requests of clients go through plain `fetch`.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { type FormRequest, type ObjectStore, StoreError } from '../../../plugins/s3/store/store.js'

const MB = 1024 ** 2
export const PART = 5 * MB

export interface StoreUnderTest {
  readonly store: ObjectStore
  /** Keys of this run start with it. */
  readonly prefix: string
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export interface Form {
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
}

/** `expiresInSeconds`: default a minute. */
export async function signForm(
  store: ObjectStore,
  { expiresInSeconds = 60, ...form }: FormRequest & { readonly expiresInSeconds?: number },
): Promise<Form> {
  const [signed] = await store.signForms([form], expiresInSeconds)
  if (signed === undefined) throw new Error('no form')
  return { url: signed.url, fields: JSON.parse(signed.fields) }
}

/** Sends a signed form with a file, as a browser does. `change` edits the fields. */
export async function sendForm(
  form: Form,
  bytes: Uint8Array,
  change: (fields: Map<string, string>) => void = () => {},
): Promise<Response> {
  const fields = new Map(Object.entries(form.fields))
  change(fields)
  const body = new FormData()
  for (const [name, value] of fields) body.append(name, value)
  body.append('file', new Blob([new Uint8Array(bytes)]), 'client.bin')
  return await fetch(form.url, { method: 'POST', body, redirect: 'manual' })
}

export async function putPart(url: string, bytes: Uint8Array): Promise<Response> {
  return await fetch(url, { method: 'PUT', body: new Uint8Array(bytes) })
}

async function failure(promise: Promise<unknown>): Promise<string | null> {
  try {
    await promise
    return null
  } catch (error) {
    if (error instanceof StoreError) return error.failure
    throw error
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export function shouldBehaveLikeAnObjectStore(t: Test, start: (t: Test) => Promise<StoreUnderTest>): void {
  const formOf = (
    key: string,
    bytes: Uint8Array,
    more: { readonly sha256?: string; readonly expiresInSeconds?: number } = {},
  ) => ({
    key,
    size: bytes.byteLength,
    contentType: 'text/plain',
    sha256: null,
    redirect: 'http://127.0.0.1:1/files/1/post_success?token=a.b.c',
    ...more,
  })
  const download = (key: string) => ({
    key,
    versionId: null,
    disposition: `attachment; filename="x.txt"; filename*=UTF-8''x%C3%A9.txt`,
    contentType: 'text/plain',
    expiresInSeconds: 60,
  })

  t.test('a form makes the object and sends the client back', async (t) => {
    const { store, prefix } = await start(t)
    const key = `${prefix}forms/né $ ü+%.txt`.replace('$', '_')
    const bytes = Buffer.from('hello')
    t.equal(await store.head(key), null)
    const form = await signForm(store, formOf(key, bytes, { sha256: sha256(bytes) }))
    const answer = await sendForm(form, bytes)
    t.equal(answer.status, 303, await answer.text())
    const location = new URL(answer.headers.get('location') ?? '')
    t.equal(location.pathname, '/files/1/post_success')
    t.equal(location.searchParams.get('token'), 'a.b.c')
    t.same([...location.searchParams.keys()].sort(), ['bucket', 'etag', 'key', 'token'])
    const head = await store.head(key)
    t.match(head, { size: 5, sha256: sha256(bytes) })
    t.equal(location.searchParams.get('etag'), `"${head?.etag}"`)
  })

  t.test('a form is good for exactly what it was signed for', async (t) => {
    const { store, prefix } = await start(t)
    const bytes = Buffer.from('hello')
    const cases: [
      title: string,
      status: number,
      change: (fields: Map<string, string>) => void,
      bytes?: Uint8Array,
    ][] = [
      ['a larger file', 400, () => {}, Buffer.from('hello!')],
      ['a smaller file', 400, () => {}, Buffer.from('hell')],
      ['other bytes', 400, () => {}, Buffer.from('hullo')],
      ['another key', 403, (fields) => fields.set('key', `${prefix}other`)],
      ['no key', 4, (fields) => fields.delete('key')],
      ['another content type', 403, (fields) => fields.set('Content-Type', 'text/html')],
      ['another redirect', 403, (fields) => fields.set('success_action_redirect', 'http://evil.example')],
      ['no checksum', 403, (fields) => fields.delete('x-amz-checksum-sha256')],
      ['a further field', 403, (fields) => fields.set('acl', 'public-read')],
      [
        'another policy',
        403,
        (fields) => {
          // the store's own signature of what the fields say
          const name = fields.has('Policy') ? 'Policy' : 'signature'
          const text = Buffer.from(fields.get(name) ?? '', 'base64').toString('latin1')
          const changed = name === 'Policy' ? text.replace(/forms/g, 'farms') : `x${text}`
          fields.set(name, Buffer.from(changed, 'latin1').toString('base64'))
        },
      ],
    ]
    for (const [title, status, change, sent = bytes] of cases) {
      const key = `${prefix}forms/${randomUUID()}`
      const form = await signForm(store, formOf(key, bytes, { sha256: sha256(bytes) }))
      const answer = await sendForm(form, sent, change)
      // S3 itself answers a missing key before it looks at the policy
      const seen = status === 4 ? Math.floor(answer.status / 100) : answer.status
      t.equal(seen, status, `${title}: ${(await answer.text()).slice(0, 300)}`)
      t.equal(await store.head(key), null, `${title} leaves nothing`)
    }
  })

  t.test('a form expires, and can be used again until then', async (t) => {
    const { store, prefix } = await start(t)
    const key = `${prefix}forms/again`
    const late = await signForm(
      store,
      formOf(`${prefix}forms/late`, Buffer.from('a'), { expiresInSeconds: 1 }),
    )
    const form = await signForm(store, formOf(key, Buffer.from('a')))
    t.equal((await sendForm(form, Buffer.from('a'))).status, 303)
    const first = await store.head(key)
    t.equal((await sendForm(form, Buffer.from('b'))).status, 303, 'S3 allows it')
    t.not((await store.head(key))?.etag, first?.etag)
    await new Promise((resolve) => setTimeout(resolve, 2100))
    t.equal((await sendForm(late, Buffer.from('a'))).status, 403)
  })

  t.test('an empty file is a file', async (t) => {
    const { store, prefix } = await start(t)
    const key = `${prefix}forms/empty`
    const nothing = Buffer.alloc(0)
    t.equal((await sendForm(await signForm(store, formOf(key, nothing)), nothing)).status, 303)
    t.match(await store.head(key), { size: 0 })
    const answer = await fetch(await store.signDownload(download(key)))
    t.equal(answer.status, 200)
    t.equal((await answer.arrayBuffer()).byteLength, 0)
  })

  t.test('a download has the name and the range that were asked for', async (t) => {
    const { store, prefix } = await start(t)
    const key = `${prefix}downloads/a b?.txt`
    const bytes = Buffer.from('0123456789')
    await sendForm(await signForm(store, formOf(key, bytes)), bytes)
    const url = await store.signDownload(download(key))
    const whole = await fetch(url)
    t.equal(whole.status, 200)
    t.equal(await whole.text(), '0123456789')
    t.equal(whole.headers.get('content-disposition'), download(key).disposition)
    t.equal(whole.headers.get('content-type'), 'text/plain')
    const ranges: [range: string, status: number, text: string | null][] = [
      ['bytes=2-4', 206, '234'],
      ['bytes=7-', 206, '789'],
      ['bytes=-2', 206, '89'],
      ['bytes=8-100', 206, '89'],
      ['bytes=10-', 416, null],
    ]
    for (const [range, status, text] of ranges) {
      const answer = await fetch(url, { headers: { range } })
      t.equal(answer.status, status, range)
      const got = await answer.text()
      if (text !== null) t.equal(got, text, range)
    }
    for (const [name, value] of [
      ['added', '1'],
      ['key', 'other'],
    ] as const) {
      const changed = new URL(url)
      changed.searchParams.set(name, value)
      const answer = await fetch(changed)
      t.equal(answer.status, 403, name)
      await answer.arrayBuffer()
    }
  })

  t.test('parts make an object, listed and replaced on the way', async (t) => {
    const { store, prefix } = await start(t)
    const key = `${prefix}parts/big`
    const whole = randomBytes(2 * PART + 17)
    const slices = [whole.subarray(0, PART), whole.subarray(PART, 2 * PART), whole.subarray(2 * PART)]
    const uploadId = await store.createMultipart(key, 'application/x-big', 'mark')
    t.same(await store.listParts(key, uploadId), [])
    const urls = await Promise.all(
      slices.map((slice, index) =>
        store.signPart({
          key,
          uploadId,
          partNumber: index + 1,
          size: slice.byteLength,
          expiresInSeconds: 60,
        }),
      ),
    )
    const first = await putPart(urls[0] ?? '', randomBytes(PART))
    t.equal(first.status, 200, await first.text())
    const etags: string[] = []
    for (const [index, slice] of slices.entries()) {
      const answer = await putPart(urls[index] ?? '', slice)
      t.equal(answer.status, 200)
      etags.push((answer.headers.get('etag') ?? '').replaceAll('"', ''))
    }
    t.not((await putPart(urls[1] ?? '', slices[2] ?? Buffer.alloc(0))).status, 200, 'another size is refused')
    t.same(
      await store.listParts(key, uploadId),
      slices.map((slice, index) => ({ partNumber: index + 1, etag: etags[index], size: slice.byteLength })),
    )
    t.ok((await collect(store.listUploads(prefix))).some((upload) => upload.uploadId === uploadId))
    t.equal(await store.head(key), null, 'nothing to see before it is complete')

    const parts = etags.map((etag, index) => ({ partNumber: index + 1, etag }))
    t.equal(
      await failure(
        store.completeMultipart(key, uploadId, [{ partNumber: 1, etag: 'f'.repeat(32) }, ...parts.slice(1)]),
      ),
      'refused',
    )
    await store.completeMultipart(key, uploadId, parts)
    const head = await store.head(key)
    t.match(head, { size: whole.byteLength, sha256: null })
    t.equal(await store.listParts(key, uploadId), null, 'the upload is over')
    t.equal(await failure(store.completeMultipart(key, uploadId, parts)), 'missing')
    t.equal((await putPart(urls[0] ?? '', slices[0] ?? Buffer.alloc(0))).status, 404)

    const etag = head?.etag ?? ''
    await store.copy({
      from: key,
      to: key,
      ifMatch: etag,
      contentType: 'application/x-big',
      checksum: true,
      mark: 'mark',
    })
    t.match(
      await store.head(key),
      { size: whole.byteLength, sha256: sha256(whole) },
      'a copy knows the checksum',
    )
    const answer = await fetch(await store.signDownload(download(key)), {
      headers: { range: `bytes=${PART - 2}-${PART + 1}` },
    })
    t.same(Buffer.from(await answer.arrayBuffer()), whole.subarray(PART - 2, PART + 2), 'across parts')
  })

  t.test('an upload can be aborted, twice too', async (t) => {
    const { store, prefix } = await start(t)
    const key = `${prefix}parts/aborted`
    const uploadId = await store.createMultipart(key, 'text/plain', 'mark')
    const url = await store.signPart({ key, uploadId, partNumber: 1, size: 3, expiresInSeconds: 60 })
    t.equal((await putPart(url, Buffer.from('abc'))).status, 200)
    await store.abortMultipart(key, uploadId)
    await store.abortMultipart(key, uploadId)
    t.equal(await store.listParts(key, uploadId), null)
    t.equal((await putPart(url, Buffer.from('abc'))).status, 404)
    t.equal(await store.listParts(key, randomUUID()), null)
  })

  t.test('a part URL expires and is good for its part only', async (t) => {
    const { store, prefix } = await start(t)
    const key = `${prefix}parts/strict`
    const uploadId = await store.createMultipart(key, 'text/plain', 'mark')
    const part = { key, uploadId, partNumber: 1, size: 3, expiresInSeconds: 60 }
    const other = new URL(await store.signPart(part))
    other.searchParams.set(other.searchParams.has('partNumber') ? 'partNumber' : 'part', '2')
    t.equal((await putPart(other.href, Buffer.from('abc'))).status, 403)
    const late = await store.signPart({ ...part, expiresInSeconds: 1 })
    await new Promise((resolve) => setTimeout(resolve, 2100))
    t.equal((await putPart(late, Buffer.from('abc'))).status, 403)
    t.same(await store.listParts(key, uploadId), [])
    await store.abortMultipart(key, uploadId)
  })

  t.test('a copy takes what was named or nothing', async (t) => {
    const { store, prefix } = await start(t)
    const from = `${prefix}_pending/u-1/a b+c.txt`
    const to = `${prefix}final/a b+c.txt`
    const bytes = Buffer.from('first')
    const form = await signForm(store, formOf(from, bytes))
    await sendForm(form, bytes)
    const etag = (await store.head(from))?.etag ?? ''
    const copy = { from, to, ifMatch: etag, contentType: 'text/plain', checksum: false, mark: 'mark' }
    await store.copy(copy)
    await sendForm(form, Buffer.from('other'))
    t.equal(await failure(store.copy(copy)), 'changed')
    const answer = await fetch(await store.signDownload(download(to)))
    t.equal(await answer.text(), 'first', 'the copy stays what it was')
    t.ok((await collect(store.listObjects(`${prefix}_pending/`))).some((object) => object.key === from))
    await store.delete(from)
    await store.delete(from)
    t.equal(await store.head(from), null)
    t.same(await collect(store.listObjects(`${prefix}_pending/`)), [])
    t.not(await failure(store.copy(copy)), null)
    t.match(await store.head(to), { size: 5, mark: 'mark' })
  })

  t.test('signing needs nobody to answer', async (t) => {
    const { store, prefix } = await start(t)
    await store.close()
    const part = { key: `${prefix}x`, uploadId: 'u', partNumber: 1, size: 1, expiresInSeconds: 60 }
    t.ok(URL.canParse(await store.signPart(part)))
    t.ok(URL.canParse((await signForm(store, formOf(`${prefix}x`, Buffer.from('a')))).url))
  })
}
