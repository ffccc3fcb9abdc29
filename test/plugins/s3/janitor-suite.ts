/** What the janitor takes away and what it leaves, on the embedded store and on a bucket. */
import type { Test } from 'tap'
import { type Swept, sweep } from '../../../plugins/s3/janitor.js'
import type { FileManager } from '../../../plugins/s3/manager.js'
import { silentLog } from '../../../src/log.js'
import type { Api } from '../../helpers/api.js'
import { collect, putPart, sendForm } from './store-suite.js'
import { eventually, follow, formOf, MB, startFiles, uploadedFile, type World } from './world.js'

export const managerOf = (api: Api): FileManager => api.runtime.core.managers['s3'] as FileManager

/** `olderThanMs`: another limit than `pending_expiration`. */
export async function sweepNow(
  api: Api,
  { dryRun = false, olderThanMs }: { readonly dryRun?: boolean; readonly olderThanMs?: number } = {},
): Promise<Swept> {
  const manager = managerOf(api)
  const pendingExpirationMs = olderThanMs ?? manager.settings.pendingExpirationMs
  const impatient = { ...manager, settings: { ...manager.settings, pendingExpirationMs } }
  return await sweep(impatient, { dryRun, signal: new AbortController().signal, log: silentLog() })
}

/** Everything that the store holds for uploads under way. */
export async function leftovers(
  api: Api,
): Promise<{ readonly uploads: string[]; readonly pending: string[] }> {
  const { store, settings, pendingPrefix } = managerOf(api)
  return {
    uploads: (await collect(store.listUploads(settings.prefix))).map(({ key }) => key),
    pending: (await collect(store.listObjects(pendingPrefix))).map(({ key }) => key),
  }
}

export const nothingLeft = (api: Api): Promise<boolean> =>
  eventually(async () => {
    const { uploads, pending } = await leftovers(api)
    return uploads.length === 0 && pending.length === 0
  })

const HELLO = Buffer.from('hello')
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export function shouldCleanUp(t: Test, world: World): void {
  t.test('uploads that run out of time go, with whatever has arrived', async (t) => {
    const api = await startFiles(t, world, { s3: { prefix: 'here/' } })
    const small = await api.post('/files', { filename: 'a', extension: 'txt', size: 5 })
    const big = await api.post('/files', { filename: 'b', extension: 'bin', size: 6 * MB })
    await sendForm(formOf(small.body.upload.parts[0]), HELLO)
    await putPart(big.body.upload.parts[1].url, Buffer.alloc(MB))
    const kept = await uploadedFile(api, '/files', HELLO, { filename: 'kept' })
    // What a complete file leaves in its pending place goes by the outbox, a moment later.
    await eventually(async () => !(await leftovers(api)).pending.some((key) => key.includes('_kept.')))
    t.same(await sweepNow(api), { expired: [], aborted: [], removed: [] }, 'nothing is old enough')
    await later(1100)
    const before = await leftovers(api)
    const dry = await sweepNow(api, { dryRun: true, olderThanMs: 1000 })
    t.equal(dry.expired.length, 2, 'a dry run tells')
    t.same(await leftovers(api), before, 'and changes nothing')
    t.equal((await sweepNow(api, { olderThanMs: 1000 })).expired.length, 2)
    t.ok(await nothingLeft(api))
    t.same(
      await sweepNow(api),
      { expired: [], aborted: [], removed: [] },
      'a second time there is nothing to do',
    )
    t.match((await api.get('/files/1')).body, { ready: false, upload: null })
    const { url } = (await api.get(`/files/${kept.id}/download?redirect=false`)).body
    t.equal(await (await fetch(url)).text(), 'hello')
    t.equal((await api.post('/files/1/upload')).status, 201, 'the file can be uploaded anew')
  })

  t.test('an object that arrives after its file was complete goes', async (t) => {
    const api = await startFiles(t, world, { s3: { prefix: 'here/' } })
    const made = await api.post('/files', { filename: 'a', extension: 'txt', size: 5 })
    const form = formOf(made.body.upload.parts[0])
    t.equal((await follow(await sendForm(form, HELLO))).status, 201)
    t.ok(await nothingLeft(api))
    await sendForm(form, Buffer.from('later'))
    t.equal((await leftovers(api)).pending.length, 1)
    t.equal((await sweepNow(api)).removed.length, 1)
    t.ok(await nothingLeft(api))
  })

  t.test('multipart uploads that no row knows go once they are old, others stay', async (t) => {
    const api = await startFiles(t, world, { s3: { prefix: 'here/' } })
    const { store } = managerOf(api)
    await store.createMultipart('here/orphan', 'text/plain', 'mark')
    await store.createMultipart('elsewhere/orphan', 'text/plain', 'mark')
    t.same((await sweepNow(api)).aborted, [], 'a young one may belong to a transaction under way')
    await api.post('/files', { filename: 'b', extension: 'bin', size: 6 * MB })
    // the row is fresh, what it made in the store is not
    const { database } = api.runtime.core
    await database.execute({ text: 'UPDATE biodm_upload SET started_ms = started_ms + 3600000', values: [] })
    await later(1100)
    t.same((await sweepNow(api, { olderThanMs: 1000 })).aborted, ['here/orphan'])
    t.equal((await leftovers(api)).uploads.length, 1, 'the one with a row')
    t.equal(
      (await collect(store.listUploads('elsewhere/'))).length,
      1,
      'what is not under the prefix is not ours',
    )
  })
}
